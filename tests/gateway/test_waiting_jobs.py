"""A job that no live worker can run: accepted and told why it waits, or refused where that was asked for."""

from __future__ import annotations

from typing import Any

from impasto.testing.stacks import Stack
from tests.asking import ask, ended, look, submit

_BODY = {"kind": "test.stamp", "params": {"text": "x"}, "require_worker": True}


def _known_worker(stack: Stack, kinds: list[str], seen_s: float = 0.0) -> None:
    stack.sql(
        """INSERT INTO workers (name, instance, host, pid, device, queues, slots, kinds, seen_at)
           VALUES ('w', '1', 'h', 1, 'cpu', '{test}', 1, %s, now() - make_interval(secs => %s))
           ON CONFLICT (name) DO UPDATE SET kinds = excluded.kinds, seen_at = excluded.seen_at""",
        [kinds, seen_s],
    )


def _lacks(missing: str) -> dict[str, Any]:
    return {"code": "no_worker", "missing": missing, "queue": "test", "kind": "test.stamp"}


def test_a_job_without_a_worker_is_accepted_and_says_what_it_waits_for_until_one_comes(stack: Stack) -> None:
    stack.start_gateway()
    job = submit(stack, "test.stamp", {"text": "x"})
    assert job["waiting_for"] == _lacks("queue")
    _known_worker(stack, ["test.draw"])
    assert look(stack, job["id"])["waiting_for"] == _lacks("kind")
    assert ask(stack, "GET", "/v1/jobs").json()["items"][0]["waiting_for"] == _lacks("kind")
    _known_worker(stack, ["test.stamp"])
    assert look(stack, job["id"])["waiting_for"] is None
    _known_worker(stack, ["test.stamp"], seen_s=40)
    assert look(stack, job["id"])["waiting_for"] == _lacks("queue")
    stack.start_worker("real", ["test"])
    assert ended(stack, job["id"])["state"] == "succeeded"
    assert look(stack, job["id"])["waiting_for"] is None


def test_a_job_that_requires_a_worker_is_refused_without_one_and_leaves_nothing(stack: Stack) -> None:
    stack.start_gateway()
    refused = ask(stack, "POST", "/v1/jobs", json=_BODY)
    assert (refused.status_code, refused.json()["code"]) == (409, "no_worker_for_job")
    assert "queue test" in refused.json()["detail"]
    for table in ("jobs", "job_events", "outbox"):
        assert stack.sql(f"SELECT count(*) FROM {table}") == [(0,)]
    _known_worker(stack, ["test.stamp"])
    key = {"Idempotency-Key": "once"}
    accepted = ask(stack, "POST", "/v1/jobs", json=_BODY, headers=key)
    assert accepted.status_code == 202
    stack.sql("DELETE FROM workers")
    again = ask(stack, "POST", "/v1/jobs", json=_BODY, headers=key)
    assert (again.status_code, again.json()["id"]) == (202, accepted.json()["id"]), "it was accepted, and is told so"
