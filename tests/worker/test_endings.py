"""Ends that are written while their slots go on."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest

from impasto.testing.processes import Process, eventually
from impasto.testing.stacks import Stack
from tests.asking import ask, ended, look, submit

_WAITS = """
SELECT 1 FROM pg_stat_activity
WHERE datname = current_database() AND wait_event_type = 'Lock' AND position('UPDATE jobs SET state =' IN query) > 0
"""


@pytest.fixture
def worker(stack: Stack) -> Process:
    stack.start_gateway()
    stack.start_reconciler()
    return stack.start_worker("w", ["test"], slots=1)


@contextmanager
def _end_that_waits(stack: Stack, folder: Path) -> Iterator[str]:
    """A job that has computed what it is to compute, while somebody holds its row."""
    gate = folder / "gate"
    gate.touch()
    body: dict[str, Any] = {"text": "waits", "then": "say", "gate": str(gate), "pause_at": "compute"}
    job = submit(stack, "test.stamp", body)["id"]
    eventually(gate.with_suffix(".compute").exists, "it is at the gate")
    with psycopg.connect(stack.settings.engine_database_url) as holder:
        holder.execute("SELECT FROM jobs WHERE id = %s FOR UPDATE", [job])
        gate.unlink()
        eventually(lambda: stack.sql(_WAITS), "its end waits for the row")
        yield job


def test_a_slot_does_not_wait_for_an_end_that_is_slow_to_write(stack: Stack, worker: Process, tmp_path: Path) -> None:
    with _end_that_waits(stack, tmp_path) as job:
        for _ in range(3):
            assert (
                ended(stack, submit(stack, "test.stamp", {"text": "next", "then": "say"})["id"])["state"] == "succeeded"
            )
        assert look(stack, job)["state"] == "running"
    done = ended(stack, job)
    assert (done["state"], done["attempts"]) == ("succeeded", 1)
    assert worker.alive


def test_a_worker_that_is_told_to_stop_writes_the_ends_that_it_has_begun(
    stack: Stack, worker: Process, tmp_path: Path
) -> None:
    with _end_that_waits(stack, tmp_path) as job:
        worker.signal(signal.SIGTERM)
        time.sleep(4)  # longer than the lease, and longer than it takes to stop
        assert worker.alive
    assert worker.wait() == 0
    done = look(stack, job)
    assert (done["state"], done["attempts"]) == ("succeeded", 1)


def test_a_tenant_with_a_cap_of_one_goes_on_without_anybody_who_rings(stack: Stack) -> None:
    """The claim after a job finds room: its end was waited for. There is no reconciler that would ring later."""
    stack.start_gateway()
    stack.key("second")
    stack.sql("UPDATE tenants SET running_cap = 1 WHERE id = %s", [stack.tenants["second"]])
    stack.start_worker("w", ["test"], slots=2)
    jobs = {"jobs": [{"kind": "test.stamp", "params": {"text": "x", "then": "say"}}] * 20}
    assert ask(stack, "POST", "/v1/jobs/bulk", tenant="second", json=jobs).status_code == 202
    ends = "SELECT count(*) FROM jobs WHERE state = 'succeeded'"
    eventually(lambda: stack.sql(ends) == [(20,)], "all of them have ended")


def test_a_slot_whose_turn_is_over_hears_bells_at_once(stack: Stack, worker: Process) -> None:
    """More bells than threads, for nothing: the loop stops to listen, and must begin again when a thread is free."""
    from impasto.backends.bells import Bells

    bells = Bells(stack.settings.redis_url)
    for _ in range(100):
        bells.ring("test")
    eventually(lambda: bells.waiting("test") == 0, "all bells are heard", 30)
    assert worker.alive
