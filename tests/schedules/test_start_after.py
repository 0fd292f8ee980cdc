"""A job that may not start before a time waits for it, and is rung for then."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from impasto.testing.processes import eventually
from impasto.testing.stacks import Stack
from tests.asking import ask, ended, submit


def _seconds(job: dict[str, Any], later: str, earlier: str) -> float:
    moments = [datetime.fromisoformat(job[name]) for name in (later, earlier)]
    return (moments[0] - moments[1]).total_seconds()


def test_a_job_starts_after_its_time_and_not_before(stack: Stack) -> None:
    stack.start_gateway()
    stack.start_worker("w", ["test"])
    stack.start_reconciler()
    job = submit(stack, "test.stamp", {"text": "x"}, start_after_s=2)
    assert 1.5 < _seconds(job, "start_after", "created_at") <= 2.5
    bulk = ask(
        stack, "POST", "/v1/jobs/bulk",
        json={"jobs": [{"kind": "test.stamp", "params": {"text": "y"}, "start_after_s": second} for second in (1, 2)]},
    ).json()["items"]  # fmt: skip
    for each in (job, *bulk):
        found = ended(stack, each["id"])
        assert found["state"] == "succeeded"
        assert _seconds(found, "started_at", "start_after") >= 0
    # A slot that is awake for an earlier one may take a job before its own bell is rung.
    eventually(lambda: stack.sql("SELECT count(*) FROM outbox") == [(0,)], "every bell is rung in the end")


def test_a_job_that_may_start_says_nothing_of_it_and_a_body_without_it_is_what_it_was(platform: Stack) -> None:
    assert submit(platform, "test.stamp", {"text": "x"})["start_after"] is None
    body = {"kind": "test.stamp", "params": {"text": "x"}}
    headers = {"Idempotency-Key": f"start-after-{datetime.now(UTC).timestamp()}"}
    first = ask(platform, "POST", "/v1/jobs", json=body, headers=headers).json()
    again = ask(platform, "POST", "/v1/jobs", json=body | {"start_after_s": None}, headers=headers)
    assert again.json()["id"] == first["id"]
    other = ask(platform, "POST", "/v1/jobs", json=body | {"start_after_s": 5}, headers=headers)
    assert other.json()["code"] == "idempotency_mismatch"
