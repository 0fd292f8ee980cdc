"""Keys, scopes, and two tenants who must not see one another."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from impasto.tenants import new_key
from impasto.testing.stacks import Stack
from tests.asking import ask, ended, submit


@pytest.mark.parametrize("header", [None, "Bearer", "Bearer x", f"Bearer {new_key().text}", "Basic YTpi"])
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


def test_every_id_of_one_tenant_is_nothing_to_the_other(platform: Stack) -> None:
    job = ended(platform, submit(platform, "test.stamp", {"text": "mine alone"})["id"])
    style = ask(platform, "POST", "/v1/styles", json={"name": "mine", "mix": {"builtin": {"ember": 1.0}}}).json()
    digest = job["result"]["artifact"]["sha256"]
    key_id = ask(platform, "GET", "/v1/keys").json()["items"][0]["id"]
    paths = [
        ("GET", f"/v1/jobs/{job['id']}"),
        ("GET", f"/v1/jobs/{job['id']}/events"),
        ("POST", f"/v1/jobs/{job['id']}/cancel"),
        ("GET", f"/v1/artifacts/{digest}"),
        ("GET", f"/v1/lineage/sha256:{digest}"),
        ("GET", f"/v1/lineage/{style['id']}"),
        ("DELETE", f"/v1/keys/{key_id}"),
    ]
    for method, path in paths:
        answer = ask(platform, method, path, tenant="second")
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found"), path
        assert ask(platform, method, path).status_code != 404, path
    for params in ({"text": "x", "picture": f"sha256:{digest}"},):
        answer = ask(platform, "POST", "/v1/jobs", tenant="second", json={"kind": "test.stamp", "params": params})
        assert answer.status_code == 404
    for path in ("/v1/jobs", "/v1/artworks", "/v1/datasets", "/v1/checkpoints", "/v1/styles", "/v1/keys"):
        theirs = ask(platform, "GET", path, tenant="second").text
        for mine in (job["id"], digest, style["id"], key_id):
            assert mine not in theirs, path
