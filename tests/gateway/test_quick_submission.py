"""The usual submission takes the short way; nobody can tell from its answer."""

from __future__ import annotations

import re
from typing import Any

import httpx
import pytest

from impasto.testing.stacks import Stack
from tests.asking import ask

_BODY = {"kind": "test.stamp", "params": {"text": "a"}, "priority": 3, "deadline_s": 600}
# With a parameter the content type is as good, and unusual.
_WHOLE = {"Content-Type": "application/json; charset=utf-8"}


@pytest.fixture
def known(stack: Stack) -> Stack:
    """A gateway that has looked up the key a moment ago."""
    stack.start_gateway()
    assert ask(stack, "GET", "/v1/jobs").status_code == 200
    return stack


def _both(stack: Stack, body: Any = _BODY, **headers: str) -> tuple[httpx.Response, httpx.Response]:
    assert ask(stack, "GET", "/v1/jobs").status_code == 200
    return (
        ask(stack, "POST", "/v1/jobs", json=body, headers=headers),
        ask(stack, "POST", "/v1/jobs", json=body, headers={**headers, **_WHOLE}),
    )


def _without_what_differs(answer: httpx.Response) -> tuple[int, dict[str, Any], dict[str, str]]:
    body = {key: value for key, value in answer.json().items() if key not in {"id", "created_at", "finish_by"}}
    told = {"date", "content-length", "x-request-id", "ratelimit", "location"}
    return answer.status_code, body, {name: value for name, value in answer.headers.items() if name not in told}


def test_both_ways_accept_with_the_same_answer(known: Stack) -> None:
    parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    quick, whole = _both(known, traceparent=parent)
    assert _without_what_differs(quick) == _without_what_differs(whole)
    assert list(quick.json()) == list(whole.json())
    for answer in (quick, whole):
        assert answer.headers["location"] == f"/v1/jobs/{answer.json()['id']}"
    rows = known.sql("SELECT params, priority, traceparent, finish_by - created_at, request_sha256 FROM jobs")
    assert rows[0] == rows[1]


@pytest.mark.parametrize(
    "body",
    [
        {"kind": "test.stamp", "params": {"text": 5}},
        {"kind": "test.stamp", "params": {"text": "a"}, "colour": "red"},
        {"kind": "test.none", "params": {}},
        {"kind": "test.stamp"},
        [],
    ],
)
def test_both_ways_refuse_with_the_same_answer(known: Stack, body: Any) -> None:
    quick, whole = _both(known, body)
    assert quick.status_code == whole.status_code == 422
    assert {**quick.json(), "request_id": ""} == {**whole.json(), "request_id": ""}


def test_a_key_given_again_answers_the_same_job_and_another_body_is_refused(known: Stack) -> None:
    first, second = _both(known, **{"Idempotency-Key": "once"})
    third, other = (
        ask(known, "POST", "/v1/jobs", json=body, headers={"Idempotency-Key": "once"})
        for body in (_BODY, {**_BODY, "priority": 4})
    )
    assert first.json()["id"] == second.json()["id"] == third.json()["id"]
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_mismatch")
    assert known.sql("SELECT count(*) FROM jobs") == [(1,)]


def test_every_submission_is_counted_once_whichever_way_it_goes(stack: Stack) -> None:
    stack.environment |= {"IMPASTO_REQUESTS_PER_S": "0.01", "IMPASTO_REQUESTS_BURST": "50"}
    stack.start_gateway()
    keyed = {"Idempotency-Key": "once"}
    # The third finds its key taken: it has gone the short way to its end, and then the whole one.
    asked = [
        ask(stack, "POST", "/v1/jobs", json=_BODY),
        ask(stack, "POST", "/v1/jobs", json=_BODY, headers=keyed),
        ask(stack, "POST", "/v1/jobs", json=_BODY, headers=keyed),
        ask(stack, "POST", "/v1/jobs", json=_BODY, headers=_WHOLE),
    ]
    assert [answer.status_code for answer in asked] == [202] * 4
    left = [re.search(r"r=(\d+)", answer.headers["ratelimit"]) for answer in asked]
    assert [found and found[1] for found in left] == ["49", "48", "47", "46"]
