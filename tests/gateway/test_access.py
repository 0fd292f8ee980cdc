"""Keys, scopes, and two tenants who must not see one another."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from impasto.identifiers import new_id
from impasto.tenants import new_key
from impasto.testing.stacks import Stack
from tests.asking import ask, ended, submit


@pytest.mark.parametrize(
    "header",
    [None, "Bearer", "Bearer x", f"Bearer {new_key().text}", "Basic YTpi"],
    ids=["none", "no key", "no such form", "unknown key", "basic"],
)
def test_no_key_or_a_wrong_one_answers_401_in_the_same_words(platform: Stack, header: str | None) -> None:
    headers = {"Authorization": header} if header else {}
    answer = httpx.get(f"{platform.url}/v1/jobs", headers=headers, trust_env=False)
    assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated")
    assert answer.headers["www-authenticate"] == "Bearer"


def _make_key(platform: Stack, scopes: list[str]) -> dict[str, Any]:
    answer = ask(platform, "POST", "/v1/keys", json={"name": "made by a test", "scopes": scopes})
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


def _with(platform: Stack, key: str, method: str, path: str, **rest: Any) -> httpx.Response:
    return httpx.request(
        method, f"{platform.url}{path}", headers={"Authorization": f"Bearer {key}"}, trust_env=False, **rest
    )


def test_a_key_does_only_what_its_scopes_say(platform: Stack) -> None:
    key = _make_key(platform, ["read"])["key"]
    assert _with(platform, key, "GET", "/v1/jobs").status_code == 200
    for method, path, body in [
        ("POST", "/v1/jobs", {"kind": "test.stamp", "params": {"text": "no"}}),
        ("POST", "/v1/pipelines", {"name": "no", "steps": {"a": {"kind": "test.stamp", "params": {"text": "no"}}}}),
        ("POST", "/v1/styles", {"name": "mine", "mix": {"builtin": {"ember": 1.0}}}),
        ("POST", "/v1/keys", {"name": "more"}),
        ("GET", "/v1/keys", None),
    ]:
        answer = _with(platform, key, method, path, json=body)
        assert (answer.status_code, answer.json()["code"]) == (403, "scope_missing"), path


def test_a_revoked_key_stops_at_once_and_no_list_shows_a_secret(platform: Stack) -> None:
    made = _make_key(platform, ["read"])
    assert _with(platform, made["key"], "GET", "/v1/jobs").status_code == 200
    assert ask(platform, "DELETE", f"/v1/keys/{made['record']['id']}").json()["revoked_at"]
    assert _with(platform, made["key"], "GET", "/v1/jobs").status_code == 401
    listed = ask(platform, "GET", "/v1/keys").text
    assert made["record"]["id"] in listed
    assert made["key"] not in listed


def test_an_expired_key_is_refused(platform: Stack) -> None:
    body = {"name": "past", "scopes": ["read"], "expires_at": "2001-01-01T00:00:00Z"}
    key = ask(platform, "POST", "/v1/keys", json=body).json()["key"]
    assert _with(platform, key, "GET", "/v1/jobs").status_code == 401


def _things_of(platform: Stack) -> dict[str, str]:
    """One of each thing of the first tenant, by the name of its path parameter."""
    job = ended(platform, submit(platform, "test.stamp", {"text": "mine alone"})["id"])
    style = ask(platform, "POST", "/v1/styles", json={"name": "mine", "mix": {"builtin": {"ember": 1.0}}}).json()
    key_id = ask(platform, "GET", "/v1/keys").json()["items"][0]["id"]
    digest, tenant = job["result"]["artifact"]["sha256"], platform.tenants["first"]
    ids = {prefix: new_id(prefix) for prefix in ("art", "dst", "dsv", "ckp", "whk", "evt", "dlv")}
    platform.sql(
        """INSERT INTO artworks (id, tenant_id, upload_sha256, sha256, media_type, width, height, size_bytes, file_name,
               caption, title, artist, date, medium, subject, collection, licence, consent, provenance)
           VALUES (%s, %s, %s, %s, 'image/png', 1, 1, 1, '', '', '', '', '', '', '', '', '', '', '')""",
        [ids["art"], tenant, ids["art"], digest],
    )
    platform.sql(
        "INSERT INTO datasets (id, tenant_id, name) VALUES (%s, %s, %s)",
        [ids["dst"], tenant, ids["dst"].replace("_", "-")],
    )
    platform.sql(
        """INSERT INTO dataset_versions (id, tenant_id, dataset_id, number, manifest_sha256, samples, train, validation,
               recipe, summary, job_id) VALUES (%s, %s, %s, 1, %s, 1, 1, 0, '{}', '{}', %s)""",
        [ids["dsv"], tenant, ids["dst"], digest, job["id"]],
    )
    platform.sql(
        """INSERT INTO checkpoints (id, tenant_id, name, family, flavor, weights_sha256, config, job_id)
           VALUES (%s, %s, 'mine', 'style_classifier', 'tiny', %s, '{}', %s)""",
        [ids["ckp"], tenant, digest, job["id"]],
    )
    platform.sql("UPDATE jobs SET preview = 'x' WHERE id = %s", [job["id"]])
    # Switched off: nothing is sent to it.
    platform.sql(
        """INSERT INTO webhook_endpoints (id, tenant_id, url, lane, events, secret, state, disabled_reason)
           VALUES (%s, %s, 'https://hooks.example.com/', %s, '{job.succeeded}', 'x', 'disabled', 'asked')""",
        [ids["whk"], tenant, ids["whk"]],
    )
    platform.sql(
        """INSERT INTO webhook_events (id, tenant_id, type, data, occurred_at)
           VALUES (%s, %s, 'webhook.ping', '{}', now())""",
        [ids["evt"], tenant],
    )
    platform.sql(
        """INSERT INTO webhook_deliveries (id, tenant_id, event_id, endpoint_id, lane, state, finished_at)
           VALUES (%s, %s, %s, %s, %s, 'failed', now())""",
        [ids["dlv"], tenant, ids["evt"], ids["whk"], ids["whk"]],
    )
    pipeline = new_id("pip")
    platform.sql(
        """INSERT INTO pipelines (id, tenant_id, name, state, finished_at)
           VALUES (%s, %s, 'mine', 'succeeded', now())""",
        [pipeline, tenant],
    )
    planned = {"name": ids["art"], "cron": "@yearly", "job": {"kind": "test.stamp", "params": {"text": "x"}}}
    return {
        "pipeline_id": pipeline,
        "job_id": job["id"],
        "schedule_id": ask(platform, "POST", "/v1/schedules", json=planned).json()["id"],
        "sha256": digest,
        "identifier": f"sha256:{digest}",
        "key_id": key_id,
        "artwork_id": ids["art"],
        "dataset": ids["dst"],
        "version_id": ids["dsv"],
        "checkpoint_id": ids["ckp"],
        "style": style["id"],
        "endpoint_id": ids["whk"],
        "delivery_id": ids["dlv"],
    }


def test_every_id_of_one_tenant_is_nothing_to_the_other_on_every_route(platform: Stack) -> None:
    things = _things_of(platform)
    document = httpx.get(f"{platform.url}/openapi.json", trust_env=False).json()
    tried = 0
    # What ends a thing comes last: the owner's turn proves that the path is right.
    for path, methods in sorted(document["paths"].items()):
        # A file is put under a name of one's own, which is nobody's id; tenants are for operators alone.
        if "{" in path and "{name}" not in path and "{tenant}" not in path:
            filled = path.format(**things)
            for method in sorted(methods, key=lambda name: name == "delete"):
                sent = {"json": {"description": "changed"} if method == "patch" else {}} if "webhooks" in path else {}
                theirs = ask(platform, method.upper(), filled, tenant="second", **sent)
                assert (theirs.status_code, theirs.json()["code"]) == (404, "not_found"), (method, path)
                if method != "delete":
                    assert ask(platform, method.upper(), filled, **sent).status_code != 404, (method, path)
                tried += 1
    assert tried >= 11
    foreign = ask(platform, "DELETE", f"/v1/keys/{things['key_id']}", tenant="second")
    assert foreign.status_code == 404


def test_every_id_of_one_tenant_is_nothing_to_the_other_in_params_lists_and_lineage(platform: Stack) -> None:
    things = _things_of(platform)
    platform.sql("UPDATE artifacts SET media_type = 'image/png' WHERE sha256 = %s", [things["sha256"]])
    for picture in (things["identifier"], things["artwork_id"]):
        body = {"kind": "test.stamp", "params": {"text": "x", "picture": picture}}
        assert ask(platform, "POST", "/v1/jobs", tenant="second", json=body).status_code == 404
        assert ask(platform, "POST", "/v1/jobs", json=body).status_code == 202
    mix = {"name": "theirs", "mix": {"artworks": {things["artwork_id"]: 1.0}}}
    assert ask(platform, "POST", "/v1/styles", tenant="second", json=mix).status_code == 404
    for thing in things.values():
        assert ask(platform, "GET", f"/v1/lineage/{thing}", tenant="second").status_code == 404, thing
    for path in ("jobs", "pipelines", "artworks", "datasets", "checkpoints", "styles", "keys"):
        theirs = ask(platform, "GET", f"/v1/{path}", tenant="second").text
        for thing in things.values():
            assert thing not in theirs, (path, thing)
