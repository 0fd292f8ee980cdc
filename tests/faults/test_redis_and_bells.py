"""Losing Redis, or a bell heard twice, costs time and never a job."""

from __future__ import annotations

import json
import time
import uuid
from pathlib import Path

import redis

from impasto.backends.bells import KEY_PREFIX, TASK, celery_app
from impasto.testing.processes import answers, eventually
from impasto.testing.stacks import Stack
from tests.asking import ended, look, submit

_NO_REDIS = "redis://127.0.0.1:1/0"


def test_a_job_whose_bell_was_lost_with_redis_is_rung_for_again(stack: Stack) -> None:
    # A gateway whose Redis is a port where nobody listens: its bells stay in the outbox ...
    stack.start("impasto_gateway", IMPASTO_REDIS_URL=_NO_REDIS)
    eventually(lambda: answers(f"{stack.url}/healthz"), "the gateway answers without Redis")
    first = submit(stack, "test.stamp", {"text": "for the bell that a worker rings when it begins"})["id"]
    stack.start_worker("w", ["test"], slots=1)
    assert ended(stack, first)["state"] == "succeeded"
    time.sleep(2)  # its slot has looked once more, and gone home
    job_id = submit(stack, "test.stamp", {"text": "lost and found"})["id"]
    # ... and without its row there is no trace of the bell, as after a rung bell that Redis lost.
    stack.sql("DELETE FROM outbox")
    assert look(stack, job_id)["state"] == "queued"
    stack.start_reconciler()
    assert ended(stack, job_id)["state"] == "succeeded"


def test_jobs_that_waited_before_there_was_a_worker_need_no_bell(stack: Stack) -> None:
    stack.start_gateway()
    ids = [submit(stack, "test.stamp", {"text": str(n)})["id"] for n in range(5)]
    eventually(lambda: stack.sql("SELECT count(*) FROM outbox") == [(0,)], "the bells are rung")
    redis.Redis.from_url(stack.settings.redis_url).flushdb()
    stack.start_worker("late", ["test"])
    assert {ended(stack, job_id)["state"] for job_id in ids} == {"succeeded"}


def test_a_submission_does_not_wait_for_a_redis_that_is_not_there(stack: Stack) -> None:
    stack.start("impasto_gateway", IMPASTO_REDIS_URL=_NO_REDIS)
    eventually(lambda: answers(f"{stack.url}/healthz"), "the gateway answers without Redis")
    job_id = submit(stack, "test.stamp", {"text": "patient"})["id"]
    assert stack.sql("SELECT count(*) FROM outbox WHERE job_id = %s", [job_id]) == [(1,)]
    stack.start_worker("w", ["test"])
    stack.start_reconciler()
    assert ended(stack, job_id)["state"] == "succeeded"


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
    client = redis.Redis.from_url(stack.settings.redis_url)
    for rubbish in (json.dumps({"not": "a message"}), "no JSON at all", b"\xff\xfe\x00", "[]", "null", ""):
        client.lpush(KEY_PREFIX + "test", rubbish)
    eventually(lambda: client.llen(KEY_PREFIX + "test") == 0, "every message is taken")
    gate.unlink()
    job = ended(stack, job_id)
    assert (job["state"], job["attempts"]) == ("succeeded", 1)
    assert worker.alive
    # The worker is as good as before.
    assert ended(stack, submit(stack, "test.stamp", {"text": "after"})["id"])["state"] == "succeeded"


_ODD_TASKS = ({}, {"v": "1"}, {"v": 1, "queue": None}, {"v": 1, "queue": "test", "more": 1})
_ODD_BELLS = (b"", b"{", b"[]", b"null", b"{}", b"\xff\xfe", b'{"body": "!", "properties": {}}')


def _ring_without_an_id(url: str, count: int) -> None:
    """As good as a bell until a request is made of it."""
    there = redis.Redis.from_url(url)
    celery_app(url).send_task(TASK, kwargs={"v": 1, "queue": "odd"}, queue="odd")
    bell = json.loads(there.rpop(f"{KEY_PREFIX}odd") or b"")
    del bell["headers"]["id"]
    for _ in range(count):
        bell["properties"]["delivery_tag"] = str(uuid.uuid4())
        there.lpush(f"{KEY_PREFIX}test", json.dumps(bell))


def test_bells_that_nobody_can_read_hold_up_no_job(stack: Stack) -> None:
    stack.start_gateway()
    worker = stack.start_worker("w", ["test"])
    for odd in _ODD_BELLS:
        redis.Redis.from_url(stack.settings.redis_url).lpush(f"{KEY_PREFIX}test", odd)
    _ring_without_an_id(stack.settings.redis_url, 40)  # many more than a worker takes ahead: they must hold no place
    app = celery_app(stack.settings.redis_url)
    for kwargs in _ODD_TASKS:
        app.send_task(TASK, kwargs=kwargs, queue="test")
    job_id = submit(stack, "test.stamp", {"text": "heard all the same"})["id"]
    assert ended(stack, job_id)["state"] == "succeeded"
    assert worker.alive
