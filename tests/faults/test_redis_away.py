"""Redis silent, gone or wiped: jobs are accepted as fast as ever, none is lost, and once it is back they flow."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import pytest
import redis

from impasto.testing.processes import eventually
from impasto.testing.stacks import Stack
from tests.asking import ask, ended, look, submit
from tests.faults.conftest import Own
from tests.faults.proxy import Proxy

# What is promised is ten seconds; the machine that tests may be busy with other things.
FLOWS_WITHIN_S = 20


def _accepts(stack: Stack, count: int, text: str) -> list[str]:
    """Jobs that are accepted one after the other; how long it took is bounded by far less than any patience."""
    began = time.monotonic()
    ids = [submit(stack, "test.stamp", {"text": f"{text} {number}"})["id"] for number in range(count)]
    assert time.monotonic() - began < count * 2, "a 202 waited for Redis"
    return ids


def _is_ready(stack: Stack, status: str, *, redis: bool) -> bool:
    """Whether the gateway says this of itself; without Redis it is degraded, and all the same ready for jobs."""
    answer = ask(stack, "GET", "/readyz")
    said = answer.json()
    assert ask(stack, "GET", "/livez").status_code == 200
    return (answer.status_code, said["status"], said["parts"]["redis"]) == (200, status, redis)


def _flow(stack: Stack, ids: list[str]) -> None:
    for job_id in ids:
        job = ended(stack, job_id, most_s=FLOWS_WITHIN_S)
        assert (job["state"], job["attempts"]) == ("succeeded", 1)


@pytest.mark.parametrize("lasts_s", [12, pytest.param(60, marks=pytest.mark.slow)])
def test_a_redis_that_says_nothing_costs_time_and_no_job(
    stack: Stack, redis_proxy: Proxy, tmp_path: Path, lasts_s: float
) -> None:
    stack.settings = replace(stack.settings, sweep_s="5", lease_s="30")
    stack.start_gateway()
    reconciler = stack.start_reconciler()
    worker = stack.start_worker("w", ["test"], slots=3)
    gate = tmp_path / "gate"
    gate.touch()
    params = {"text": "meanwhile", "gate": str(gate), "pause_at": "compute"}
    running = submit(stack, "test.stamp", params)["id"]
    eventually(gate.with_suffix(".compute").exists, "it computes")
    redis_proxy.black_hole()
    began = time.monotonic()
    ids = _accepts(stack, 5, "silent")
    # What runs goes on, ends, and its slot takes the next without a bell.
    gate.unlink()
    assert ended(stack, running, most_s=8)["attempts"] == 1
    assert ended(stack, ids[0], most_s=8)["state"] == "succeeded"
    eventually(lambda: _is_ready(stack, "degraded", redis=False), "it says that Redis is away", 15)
    time.sleep(max(0.0, lasts_s - (time.monotonic() - began)))
    # Connections of before stay dead: whoever had one has to find that out alone.
    redis_proxy.heal()
    eventually(lambda: _is_ready(stack, "ok", redis=True), "it says that Redis is back", 15)
    after = _accepts(stack, 3, "after")
    _flow(stack, [*ids, *after])
    assert worker.alive
    assert reconciler.alive


@pytest.mark.parametrize("lasts_s", [25, pytest.param(60, marks=pytest.mark.slow)])
def test_a_redis_that_comes_back_empty_is_found_within_seconds_however_long_it_was_away(
    own: Own, lasts_s: float
) -> None:
    stack = own.stack
    stack.start_gateway()
    stack.start_reconciler()
    stack.start_worker("w", ["test"])
    assert ended(stack, submit(stack, "test.stamp", {"text": "before"})["id"])["state"] == "succeeded"
    own.servers.kill("redis")
    ids = _accepts(stack, 5, "gone")
    time.sleep(lasts_s)
    assert {look(stack, job_id)["state"] for job_id in ids} == {"queued"}
    own.servers.resume("redis")
    _flow(stack, ids)


def test_a_redis_that_is_wiped_again_and_again_loses_no_job(own: Own) -> None:
    stack = own.stack
    stack.start_gateway()
    stack.start_reconciler()
    ids = []
    wiped = redis.Redis.from_url(stack.settings.redis_url)
    for number in range(5):
        ids += _accepts(stack, 4, f"round {number}")
        eventually(lambda: stack.sql("SELECT count(*) FROM outbox") == [(0,)], "the bells are rung")
        wiped.flushall()
    worker = stack.start_worker("w", ["test"])
    _flow(stack, ids)
    # Idle now, and nobody rings for what comes: only the reconciler finds it.
    for number in range(3):
        more = _accepts(stack, 2, f"idle {number}")
        wiped.flushall()
        _flow(stack, more)
    assert worker.alive


def test_who_waits_for_an_end_is_woken_again_after_redis_was_silent(
    stack: Stack, redis_proxy: Proxy, tmp_path: Path
) -> None:
    stack.start_gateway()
    stack.start_worker("w", ["test"])
    redis_proxy.black_hole()
    # The subscription of before is dead, and only silence tells so.
    eventually(lambda: "says nothing" in _gateway_log(stack), "the gateway notices", 20)
    redis_proxy.heal()
    gate = tmp_path / "gate"
    gate.touch()
    params = {"text": "woken", "gate": str(gate), "pause_at": "compute"}
    job_id = submit(stack, "test.stamp", params)["id"]
    eventually(gate.with_suffix(".compute").exists, "it computes", 40)
    gate.unlink()
    answer = ask(stack, "GET", f"/v1/jobs/{job_id}", headers={"Prefer": "wait=15"})
    assert answer.json()["state"] == "succeeded"


def _gateway_log(stack: Stack) -> str:
    return stack.processes[0].log.read_text()
