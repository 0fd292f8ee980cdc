"""Clocks of gateway and worker ten minutes off, in real processes: the database's clock decides, so nothing happens."""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from impasto.testing.processes import Process, eventually
from impasto.testing.stacks import Stack
from tests.asking import ask, ended, look, submit

_SHIFTED = str(Path(__file__).parent / "shifted")


def off_by(seconds: int) -> dict[str, str]:
    """The environment of a process whose clock is off."""
    return {"PYTHONPATH": os.pathsep.join([_SHIFTED, os.environ["PYTHONPATH"]]), "CLOCK_OFF_S": str(seconds)}


def clock_of(process: Process) -> datetime:
    """The time at the beginning of the line in its log that says how its job ended."""

    def line() -> str | None:
        return next((line for line in process.log.read_text().splitlines() if " succeeded in " in line), None)

    return datetime.strptime(eventually(line, "it tells of the end")[:19], "%Y-%m-%d %H:%M:%S")


def seconds(later: str, earlier: str) -> float:
    return (datetime.fromisoformat(later) - datetime.fromisoformat(earlier)).total_seconds()


@pytest.mark.parametrize("shifts", [(600, -600), (-600, 600)], ids=["gateway ahead", "gateway behind"])
def test_with_clocks_ten_minutes_off_deadlines_leases_and_results_are_right(
    stack: Stack, tmp_path: Path, shifts: Sequence[int]
) -> None:
    gateway, worker = shifts
    stack.environment.update(off_by(gateway))
    stack.start_gateway()
    stack.environment.update(off_by(worker))
    running = stack.start_worker("w", ["test"])
    stack.environment.clear()
    stack.start_reconciler()
    gate = tmp_path / "gate"
    gate.touch()
    params = {"text": "when", "gate": str(gate), "pause_at": "compute"}
    job = submit(stack, "test.stamp", params, deadline_s=60, start_by_s=30)
    assert 59 < seconds(job["finish_by"], job["created_at"]) < 61, "the deadline is where it was asked for"
    assert 29 < seconds(job["start_by"], job["created_at"]) < 31
    assert abs(datetime.now(UTC) - datetime.fromisoformat(job["created_at"])) < timedelta(seconds=60)
    eventually(gate.with_suffix(".compute").exists, "it computes")
    # Beyond its lease of three seconds, which a reconciler with a right clock looks after.
    (until,) = stack.sql("SELECT lease_until FROM jobs")[0]
    eventually(lambda: stack.sql("SELECT lease_until > %s + interval '3 s' FROM jobs", [until])[0][0], "it is renewed")
    gate.unlink()
    done = ended(stack, job["id"])
    assert (done["state"], done["attempts"]) == ("succeeded", 1), done
    digest = done["result"]["artifact"]["sha256"]
    assert ask(stack, "GET", f"/v1/artifacts/{digest}").text == "WHEN", "the store took and gave it"
    wrong = clock_of(running) - datetime.now()
    assert abs(wrong.total_seconds() - worker) < 60, "the worker's clock was not wrong at all"


@pytest.mark.parametrize("off_s", [600, -600])
def test_a_deadline_ends_a_job_on_time_whatever_the_clocks_say(stack: Stack, tmp_path: Path, off_s: int) -> None:
    stack.environment.update(off_by(off_s))
    stack.start_gateway()
    stack.start_worker("w", ["test"])
    gate = tmp_path / "gate"
    gate.touch()
    params = {"text": "late", "gate": str(gate), "pause_at": "compute"}
    job = ended(stack, submit(stack, "test.stamp", params, deadline_s=2)["id"])
    assert (job["state"], job["error"]["code"]) == ("failed", "deadline_missed")
    assert 2 <= seconds(job["finished_at"], job["created_at"]) < 20


def test_a_worker_with_a_wrong_clock_that_is_killed_is_replaced(stack: Stack, tmp_path: Path) -> None:
    stack.start_gateway()
    stack.environment.update(off_by(600))
    stack.start_reconciler()
    first = stack.start_worker("w", ["test"])
    gate = tmp_path / "gate"
    gate.touch()
    job_id = submit(stack, "test.stamp", {"text": "again", "gate": str(gate), "pause_at": "compute"})["id"]
    eventually(gate.with_suffix(".compute").exists, "it computes")
    assert look(stack, job_id)["state"] == "running"
    first.kill()
    gate.unlink()
    stack.environment.update(off_by(-600))
    stack.start_worker("w", ["test"])
    job = ended(stack, job_id)
    assert (job["state"], job["attempts"]) == ("succeeded", 2)
