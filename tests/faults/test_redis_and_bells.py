"""Losing Redis, or a bell heard twice, costs time and never a job."""

from __future__ import annotations

import json
from pathlib import Path

import redis

from impasto.backends.bells import KEY_PREFIX, TASK, celery_app
from impasto.testing.processes import eventually
from impasto.testing.stacks import Stack
from tests.asking import ended, look, submit


def test_jobs_whose_bells_were_wiped_are_rung_for_again(stack: Stack) -> None:
    stack.start_gateway()
    ids = [submit(stack, "test.stamp", {"text": str(n)})["id"] for n in range(5)]
    eventually(lambda: stack.sql("SELECT count(*) FROM outbox") == [(0,)], "the bells are rung")
    redis.Redis.from_url(stack.settings.redis_url).flushdb()
    # The worker's first look would find them as well; this one is busy with nothing and has looked already.
    worker = stack.start_worker("early", ["test"])
    worker.stop()
    assert [look(stack, job_id)["state"] for job_id in ids] is not None
    stack.start_reconciler()
    stack.start_worker("late", ["test"])
    for job_id in ids:
        assert ended(stack, job_id)["state"] == "succeeded"


def test_a_submission_does_not_wait_for_a_redis_that_is_not_there(stack: Stack) -> None:
    """The gateway's Redis is a port where nobody listens; the reconciler's and worker's is the real one."""
    stack.start("impasto_gateway", IMPASTO_REDIS_URL="redis://127.0.0.1:1/0")
    eventually(lambda: _answers(stack), "the gateway answers without Redis")
    job_id = submit(stack, "test.stamp", {"text": "patient"})["id"]
    assert stack.sql("SELECT count(*) FROM outbox WHERE job_id = %s", [job_id]) == [(1,)]
    stack.start_worker("w", ["test"])
    stack.start_reconciler()
    assert ended(stack, job_id)["state"] == "succeeded"


def _answers(stack: Stack) -> bool:
    from impasto.testing.processes import answers

    return answers(f"{stack.url}/healthz")


def test_a_bell_heard_many_times_starts_nothing_twice(stack: Stack, tmp_path: Path) -> None:
    stack.start_gateway()
    worker = stack.start_worker("w", ["test"], slots=2)
    gate = tmp_path / "gate"
    gate.touch()
    job_id = submit(stack, "test.stamp", {"text": "once", "gate": str(gate), "pause_at": "compute"})["id"]
    eventually(gate.with_suffix(".compute").exists, "the job computes")
    app = celery_app(stack.settings.redis_url)
    for _ in range(20):
        app.send_task(TASK, kwargs={"v": 1, "queue": "test"}, queue="test")
    app.send_task(TASK, kwargs={"v": 2, "queue": "test"}, queue="test")
    app.send_task("impasto.unknown", kwargs={}, queue="test")
    redis.Redis.from_url(stack.settings.redis_url).lpush(KEY_PREFIX + "test", json.dumps({"not": "a message"}))
    client = redis.Redis.from_url(stack.settings.redis_url)
    eventually(lambda: client.llen(KEY_PREFIX + "test") == 0, "every message is taken")
    gate.unlink()
    job = ended(stack, job_id)
    assert (job["state"], job["attempts"]) == ("succeeded", 1)
    assert worker.alive
    # The worker is as good as before.
    assert ended(stack, submit(stack, "test.stamp", {"text": "after"})["id"])["state"] == "succeeded"
