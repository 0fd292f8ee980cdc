"""What no caller means to send: refused with its code, never with 5xx, on the routes of jobs and on the newer ones."""

from __future__ import annotations

import json
from collections.abc import Iterator

import httpx
import pytest

from impasto.identifiers import new_id
from impasto.testing.stacks import Stack
from tests.asking import ask, ended, submit

_JSON = {"content-type": "application/json"}
_STAMP = b'{"kind": "test.stamp", "params": {"text": "a"}}'
_POSTS = ("/v1/jobs", "/v1/jobs/bulk", "/v1/jobs/retry", "/v1/pipelines", "/v1/schedules", "/v1/keys", "/v1/styles",
          "/v1/webhooks")  # fmt: skip


def _code(answer: httpx.Response) -> tuple[int, str]:
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    problem = answer.json()
    assert problem["request_id"] == answer.headers["x-request-id"]
    return answer.status_code, problem["code"]


@pytest.mark.parametrize("path", _POSTS)
@pytest.mark.parametrize(
    "content",
    [
        b"{",
        b"{'kind': 1}",
        b'{"kind": "test.stamp",}',
        b"\xff\xfe",
        b'{"a": "\xc3\x28"}',
        b"[" * 100_000,
        b'{"a":' * 50_000 + b"1" + b"}" * 50_000,
        b'{"a": ' + b"9" * 5000 + b"}",
    ],
    ids=["cut off", "single quotes", "trailing comma", "no encoding", "bad UTF-8", "open", "deep", "endless number"],
)
def test_what_is_no_json_is_400(platform: Stack, path: str, content: bytes) -> None:
    answer = ask(platform, "POST", path, content=content, headers=_JSON)
    assert _code(answer) == (400, "json_invalid")


@pytest.mark.parametrize("path", _POSTS)
@pytest.mark.parametrize(
    "content_type", ["text/plain", "application/xml", "multipart/form-data; boundary=x", "", "json"]
)
def test_another_content_type_is_415(platform: Stack, path: str, content_type: str) -> None:
    answer = ask(platform, "POST", path, content=_STAMP, headers={"content-type": content_type})
    assert _code(answer) == (415, "content_type_unsupported")


@pytest.mark.parametrize("path", _POSTS)
@pytest.mark.parametrize("content", [b"[]", b"null", b"1", b'"text"', b"{}", b""])
def test_json_of_another_form_is_422(platform: Stack, path: str, content: bytes) -> None:
    assert ask(platform, "POST", path, content=content, headers=_JSON).status_code == 422


@pytest.mark.parametrize("path", _POSTS)
def test_a_field_that_nobody_knows_is_422(platform: Stack, path: str) -> None:
    answer = ask(platform, "POST", path, json={"kind": "test.stamp", "nobody_knows": 1})
    assert answer.status_code == 422
    assert ("nobody_knows", "field_unknown") in {(e["field"], e["code"]) for e in answer.json()["errors"]}


_ODD_NUMBERS = ["NaN", "Infinity", "-Infinity", "1e400", "-1e400", "9007199254740993", "-1"]


@pytest.mark.parametrize("number", _ODD_NUMBERS)
@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/jobs", '{"kind": "test.stamp", "params": {"text": "a", "seconds": %s}}'),
        ("/v1/jobs", '{"kind": "test.stamp", "params": {"text": "a"}, "deadline_s": %s}'),
        ("/v1/jobs", '{"kind": "test.stamp", "params": {"text": "a"}, "start_after_s": %s}'),
        ("/v1/jobs/bulk", '{"jobs": [{"kind": "test.stamp", "params": {"text": "a", "seconds": %s}}]}'),
        ("/v1/schedules", '{"name": "n", "cron": "0 0 * * *", "job": {"kind": "test.stamp", "params":'
                          ' {"text": "a", "seconds": %s}}}'),
    ],
)  # fmt: skip
def test_a_number_outside_is_422(platform: Stack, path: str, body: str, number: str) -> None:
    answer = ask(platform, "POST", path, content=(body % number).encode(), headers=_JSON)
    assert _code(answer) == (422, "value_out_of_range")


@pytest.mark.parametrize("number", _ODD_NUMBERS)
def test_a_limit_outside_is_422(platform: Stack, number: str) -> None:
    tenant = platform.tenants["first"] if platform.key("first") else ""
    content = f'{{"active_jobs": {number}}}'.encode()
    answer = ask(platform, "PATCH", f"/v1/tenants/{tenant}/limits", content=content, headers=_JSON)
    assert answer.status_code == 422, answer.text


@pytest.mark.parametrize("text", ['"\\u0000"', '"a\\u0000b"', '"\\ud800"', '"\\udfff\\ud800"'])
@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/jobs", '{"kind": "test.stamp", "params": {"text": %s}}'),
        ("/v1/jobs", '{"kind": %s, "params": {"text": "a"}}'),
        ("/v1/jobs/bulk", '{"jobs": [{"kind": "test.stamp", "params": {"text": %s}}]}'),
        ("/v1/jobs/retry", '{"code": %s}'),
        ("/v1/jobs/retry", '{"jobs": [%s]}'),
        ("/v1/pipelines", '{"name": "p", "steps": {"a": {"kind": "test.stamp", "params": {"text": %s}}}}'),
        ("/v1/pipelines", '{"name": %s, "steps": {"a": {"kind": "test.stamp", "params": {"text": "a"}}}}'),
        ("/v1/schedules", '{"name": %s, "cron": "0 0 * * *", "job": {"kind": "test.stamp", "params": {"text": "a"}}}'),
        ("/v1/schedules", '{"name": "a", "cron": %s, "job": {"kind": "test.stamp", "params": {"text": "a"}}}'),
        ("/v1/schedules", '{"name": "a", "cron": "0 0 * * *", "timezone": %s,'
                          ' "job": {"kind": "test.stamp", "params": {"text": "a"}}}'),
        ("/v1/keys", '{"name": %s, "scopes": ["read"]}'),
        ("/v1/webhooks", '{"url": %s, "events": ["job.failed"]}'),
        ("/v1/webhooks", '{"url": "https://example.com", "events": ["job.failed"], "description": %s}'),
    ],
)  # fmt: skip
def test_text_that_cannot_be_stored_is_422(platform: Stack, path: str, body: str, text: str) -> None:
    answer = ask(platform, "POST", path, content=(body % text).encode(), headers=_JSON)
    assert answer.status_code == 422, answer.text
    _code(answer)


_ODD_IDS = ["%00", "a%00b", "%ed%a0%80", "%ff", "..%2f..", "x" * 3000, "%20", "job_" + "0" * 25 + "%00", "null", "-1"]
_READ = ["/v1/jobs/{}", "/v1/jobs/{}/logs", "/v1/jobs/{}/events", "/v1/jobs/{}/samples", "/v1/jobs/{}/series",
         "/v1/jobs/{}/preview", "/v1/pipelines/{}", "/v1/pipelines/{}/events", "/v1/schedules/{}", "/v1/webhooks/{}",
         "/v1/artworks/{}", "/v1/checkpoints/{}", "/v1/dataset-versions/{}", "/v1/datasets/{}",
         "/v1/datasets/{}/versions", "/v1/artifacts/{}", "/v1/lineage/{}", "/v1/tenants/{}"]  # fmt: skip


@pytest.mark.parametrize("odd", _ODD_IDS)
@pytest.mark.parametrize("path", _READ)
def test_an_odd_identifier_is_404_or_422(platform: Stack, path: str, odd: str) -> None:
    assert ask(platform, "GET", path.format(odd)).status_code in {404, 422}


@pytest.mark.parametrize("odd", ["%00", "%ed%a0%80", "%ff", "NaN", "9" * 400, "", "x" * 5000])
@pytest.mark.parametrize(
    "path",
    ["/v1/jobs?limit={}", "/v1/jobs?cursor={}", "/v1/jobs?code={}", "/v1/jobs?kind={}", "/v1/jobs?state={}",
     "/v1/events?after={}", "/v1/events?kind={}", "/v1/events?type={}", "/v1/pipelines?state={}",
     "/v1/webhooks/deliveries?job={}", "/v1/webhooks/deliveries?state={}"],
)  # fmt: skip
def test_an_odd_query_is_refused(platform: Stack, path: str, odd: str) -> None:
    assert ask(platform, "GET", path.format(odd)).status_code in {400, 422}


@pytest.mark.parametrize("odd", ["", "k" * 256, "two words", "k\u00e9"])
@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/jobs", json.loads(_STAMP)),
        ("/v1/jobs/bulk", {"jobs": [json.loads(_STAMP)]}),
        ("/v1/pipelines", {"name": "p", "steps": {"a": json.loads(_STAMP)}}),
    ],
)
def test_an_odd_idempotency_key_is_400(platform: Stack, path: str, body: object, odd: str) -> None:
    answer = ask(platform, "POST", path, json=body, headers={"Idempotency-Key": odd.encode("latin-1")})
    assert _code(answer) == (400, "idempotency_key_invalid")


@pytest.mark.parametrize("header", ["traceparent", "prefer", "x-request-id", "accept", "cookie"])
@pytest.mark.parametrize("odd", [b"\xff\xfe", b"x" * 8000, b"wait=", b"wait=1e9", b"wait=-1", b",,;;==", b""])
def test_an_odd_header_is_passed_over(platform: Stack, header: str, odd: bytes) -> None:
    answer = ask(platform, "GET", "/v1/jobs", headers={header: odd})
    assert answer.status_code == 200, answer.text


@pytest.mark.parametrize("odd", [b"\xff", b"-1", b"1e3", b"9" * 400, b"", b"now"])
def test_an_odd_place_in_a_jobs_events_is_422(platform: Stack, odd: bytes) -> None:
    job_id = submit(platform, "test.stamp", {"text": "a"})["id"]
    answer = ask(platform, "GET", f"/v1/jobs/{job_id}/events", headers={"Last-Event-ID": odd})
    assert answer.status_code == 422


@pytest.mark.parametrize("path", [p for p in _POSTS if p != "/v1/jobs/bulk"])
def test_a_body_over_the_limit_is_413_with_and_without_a_length(platform: Stack, path: str) -> None:
    def stream() -> Iterator[bytes]:
        for _ in range(3):
            yield b" " * 600_000

    for content in (b" " * 1_100_000, stream()):
        assert _code(ask(platform, "POST", path, content=content, headers=_JSON)) == (413, "body_too_large")


def test_a_finished_job_is_not_canceled(platform: Stack) -> None:
    job_id = submit(platform, "test.stamp", {"text": "a"})["id"]
    ended(platform, job_id)
    assert _code(ask(platform, "POST", f"/v1/jobs/{job_id}/cancel")) == (409, "job_already_finished")


_CHANGES = [("POST", "/v1/jobs/{}/cancel", "job"), ("POST", "/v1/jobs/{}/retry", "job"),
            ("POST", "/v1/pipelines/{}/cancel", "pip"), ("POST", "/v1/pipelines/{}/resume", "pip"),
            ("POST", "/v1/schedules/{}/pause", "sch"), ("POST", "/v1/schedules/{}/resume", "sch"),
            ("DELETE", "/v1/schedules/{}", "sch"), ("POST", "/v1/webhooks/{}/ping", "whk"),
            ("DELETE", "/v1/webhooks/{}", "whk"), ("POST", "/v1/webhooks/deliveries/{}/replay", "dlv"),
            ("DELETE", "/v1/keys/abcdefgh", "")]  # fmt: skip


@pytest.mark.parametrize(("method", "path", "prefix"), _CHANGES)
def test_what_there_is_not_is_404(platform: Stack, method: str, path: str, prefix: str) -> None:
    address = path.format(new_id(prefix) if prefix else "")
    assert _code(ask(platform, method, address)) == (404, "not_found")


def test_a_method_that_there_is_not_is_405_and_the_others_are_named(platform: Stack) -> None:
    answer = ask(platform, "PATCH", "/v1/schedules/sch_1/pause")
    assert _code(answer) == (405, "method_not_allowed")
    assert answer.headers["allow"] == "POST"
