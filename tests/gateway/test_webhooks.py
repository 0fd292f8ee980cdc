"""The webhooks API without a notifier: what it takes, what it refuses, and whose it is."""

from __future__ import annotations

import base64
import itertools
from typing import Any

import httpx
import pytest

from impasto.testing.stacks import Stack
from tests.asking import ask

_TENANTS = itertools.count()
URL = "https://8.8.8.8/hook"


@pytest.fixture
def tenant() -> str:
    """One that has no endpoint yet."""
    return f"hooked-{next(_TENANTS)}"


def add(platform: Stack, tenant: str, **body: Any) -> httpx.Response:
    return ask(platform, "POST", "/v1/webhooks", tenant=tenant, json={"url": URL, **body})


def test_an_endpoint_is_made_listed_changed_and_removed(platform: Stack, tenant: str) -> None:
    made = add(platform, tenant, events=["job.failed"], description="the night shift").json()
    endpoint = made["endpoint"]
    assert made["secret"].startswith("whsec_")
    assert (endpoint["url"], endpoint["state"], endpoint["events"]) == (URL, "pending", ["job.failed"])
    place = f"/v1/webhooks/{endpoint['id']}"
    assert ask(platform, "GET", "/v1/webhooks", tenant=tenant).json()["items"] == [endpoint]
    assert ask(platform, "GET", place, tenant=tenant).json() == endpoint
    changed = ask(platform, "PATCH", place, tenant=tenant, json={"events": ["*"], "enabled": False}).json()
    assert (changed["events"], changed["state"], changed["disabled_reason"]) == (["*"], "disabled", "asked")
    assert changed["description"] == "the night shift"
    assert ask(platform, "DELETE", place, tenant=tenant).status_code == 204
    for method, suffix, body in (("GET", "", None), ("DELETE", "", None), ("POST", "/ping", None),
                                 ("POST", "/rotate", {}), ("PATCH", "", {})):  # fmt: skip
        answer = ask(platform, method, place + suffix, tenant=tenant, json=body)
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


def test_a_secret_is_shown_when_it_is_made_and_never_again(platform: Stack, tenant: str) -> None:
    secret = "whsec_" + base64.b64encode(b"x" * 64).decode()
    made = add(platform, tenant, secret=secret).json()
    assert made["secret"] == secret
    place = f"/v1/webhooks/{made['endpoint']['id']}"
    rotated = ask(platform, "POST", f"{place}/rotate", tenant=tenant, json={}).json()
    assert rotated["secret"] != secret
    assert rotated["endpoint"]["previous_secret_until"]
    for shown in (ask(platform, "GET", place, tenant=tenant), ask(platform, "GET", "/v1/webhooks", tenant=tenant)):
        assert "whsec_" not in shown.text


@pytest.mark.parametrize(
    ("body", "code", "field"),
    [
        ({"url": "http://8.8.8.8/"}, "webhook_url_not_allowed", "url"),
        ({"url": "https://127.0.0.1/"}, "webhook_url_not_allowed", "url"),
        ({"url": "https://2130706433/"}, "webhook_url_not_allowed", "url"),
        ({"url": "https://[::ffff:127.0.0.1]/"}, "webhook_url_not_allowed", "url"),
        ({"url": "https://169.254.169.254/latest/meta-data/"}, "webhook_url_not_allowed", "url"),
        ({"url": "https://localhost/"}, "webhook_url_not_allowed", "url"),
        ({"url": "https://user:pass@8.8.8.8/"}, "webhook_url_not_allowed", "url"),
        ({"url": "https://8.8.8.8:25/"}, "webhook_url_not_allowed", "url"),
        ({"url": "https://\uff18.8.8.8/"}, "webhook_url_not_allowed", "url"),
        ({"url": "https://8.8.8.8/" + "a" * 2000}, "value_out_of_range", "url"),
        ({"secret": "whsec_" + base64.b64encode(b"x" * 23).decode()}, "webhook_secret_invalid", "secret"),
        ({"secret": "whsec_" + base64.b64encode(b"x" * 65).decode()}, "webhook_secret_invalid", "secret"),
        ({"secret": base64.b64encode(b"x" * 32).decode()}, "webhook_secret_invalid", "secret"),
        ({"secret": "whsec_%%%"}, "webhook_secret_invalid", "secret"),
        ({"events": []}, "value_out_of_range", "events"),
        ({"events": ["job.exploded"]}, "value_invalid", "events.0"),
        ({"events": ["webhook.ping"]}, "value_invalid", "events.0"),
        ({"colour": 1}, "field_unknown", "colour"),
        ({"description": "a\u0000b"}, "value_invalid", "description"),
    ],
)
def test_what_cannot_be_is_refused_at_its_place(
    platform: Stack, tenant: str, body: dict[str, Any], code: str, field: str
) -> None:
    answer = add(platform, tenant, **body)
    problem = answer.json()
    where = problem.get("field") or problem["errors"][0]["field"]
    assert (answer.status_code, problem["code"], where) == (422, code, field)


def test_a_change_cannot_smuggle_an_address_in(platform: Stack, tenant: str) -> None:
    place = f"/v1/webhooks/{add(platform, tenant).json()['endpoint']['id']}"
    answer = ask(platform, "PATCH", place, tenant=tenant, json={"url": "https://10.0.0.1/"})
    assert (answer.status_code, answer.json()["code"]) == (422, "webhook_url_not_allowed")
    assert ask(platform, "GET", place, tenant=tenant).json()["url"] == URL


def test_a_callback_to_a_private_address_is_refused_with_its_job(platform: Stack, tenant: str) -> None:
    body = {"kind": "test.stamp", "params": {"text": "a"}, "callback": {"url": "https://127.0.0.1/"}}
    answer = ask(platform, "POST", "/v1/jobs", tenant=tenant, json=body)
    assert (answer.status_code, answer.json()["code"]) == (422, "webhook_url_not_allowed")
    assert ask(platform, "GET", "/v1/jobs", tenant=tenant).json()["items"] == []


def test_a_tenant_has_at_most_twenty(platform: Stack, tenant: str) -> None:
    answers = [add(platform, tenant) for _ in range(21)]
    assert [answer.status_code for answer in answers] == [201] * 20 + [409]
    assert answers[-1].json()["code"] == "webhook_limit"
    first = answers[0].json()["endpoint"]["id"]
    ask(platform, "DELETE", f"/v1/webhooks/{first}", tenant=tenant)
    assert add(platform, tenant).status_code == 201


def test_another_tenants_endpoints_and_deliveries_are_not_there(platform: Stack, tenant: str) -> None:
    endpoint_id = add(platform, tenant).json()["endpoint"]["id"]
    (delivery,) = ask(platform, "GET", "/v1/webhooks/deliveries", tenant=tenant).json()["items"]
    assert (delivery["type"], delivery["endpoint_id"]) == ("webhook.ping", endpoint_id)
    other = f"{tenant}-neighbour"
    assert ask(platform, "GET", "/v1/webhooks", tenant=other).json()["items"] == []
    assert ask(platform, "GET", "/v1/webhooks/deliveries", tenant=other).json()["items"] == []
    for path in (f"/v1/webhooks/{endpoint_id}/ping", f"/v1/webhooks/deliveries/{delivery['id']}/replay"):
        assert ask(platform, "POST", path, tenant=other).status_code == 404


def test_deliveries_are_paged_and_filtered(platform: Stack, tenant: str) -> None:
    ids = [add(platform, tenant).json()["endpoint"]["id"] for _ in range(3)]
    place = "/v1/webhooks/deliveries"
    first = ask(platform, "GET", f"{place}?limit=2", tenant=tenant).json()
    second = ask(platform, "GET", f"{place}?limit=2&cursor={first['next_cursor']}", tenant=tenant).json()
    found = [item["endpoint_id"] for item in first["items"] + second["items"]]
    assert sorted(found) == sorted(ids)
    assert second["next_cursor"] is None
    (only,) = ask(platform, "GET", f"{place}?endpoint={ids[0]}&state=waiting", tenant=tenant).json()["items"]
    assert only["endpoint_id"] == ids[0]
    assert ask(platform, "GET", f"{place}?state=delivered", tenant=tenant).json()["items"] == []


@pytest.mark.parametrize(
    ("scopes", "status"), [(["read", "submit", "upload"], 403), (["webhooks"], 200), (["admin"], 200)]
)
def test_a_key_needs_the_scope(platform: Stack, tenant: str, scopes: list[str], status: int) -> None:
    made = ask(platform, "POST", "/v1/keys", tenant=tenant, json={"name": "k", "scopes": scopes}).json()
    for path in ("/v1/webhooks", "/v1/webhooks/deliveries"):
        answer = ask(platform, "GET", path, tenant=tenant, headers={"Authorization": f"Bearer {made['key']}"})
        assert answer.status_code == status


def test_a_submission_is_answered_again_after_the_key_of_its_secret_was_lost(stack: Stack) -> None:
    gateway = stack.start_gateway()
    body = {"kind": "test.stamp", "params": {"text": "a"}, "callback": {"url": URL}}
    asked: dict[str, Any] = {"json": body, "headers": {"Idempotency-Key": "once"}}
    first = ask(stack, "POST", "/v1/jobs", **asked).json()
    assert first["callback_secret"].startswith("whsec_")
    gateway.stop()
    stack.environment["IMPASTO_WEBHOOK_SECRET_KEY"] = "another-key-" * 3
    stack.start_gateway()
    again = ask(stack, "POST", "/v1/jobs", **asked)
    assert (again.status_code, again.json()) == (202, first | {"callback_secret": None})


def test_a_gateway_without_a_key_for_secrets_says_so(stack: Stack) -> None:
    stack.environment["IMPASTO_WEBHOOK_SECRET_KEY"] = ""
    stack.start_gateway()
    answer = ask(stack, "POST", "/v1/webhooks", json={"url": URL})
    assert (answer.status_code, answer.json()["code"]) == (503, "webhook_key_missing")
