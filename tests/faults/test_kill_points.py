"""kill -9 at five points of a job's life: each time the job still ends, once."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import pytest

from impasto.testing.processes import Process, eventually
from impasto.testing.stacks import Stack
from tests.asking import ended, submit


class Scene:
    """A stack with a worker and a job that waits behind a gate at one point."""

    def __init__(self, stack: Stack, folder: Path) -> None:
        self.stack, self.gate = stack, folder / "gate"
        stack.start_gateway()
        stack.start_reconciler()
        self.worker = self.start_worker()

    def start_worker(self, name: str = "first") -> Process:
        return self.stack.start_worker(name, ["test"], slots=1)

    def submit(self, point: str) -> str:
        self.gate.touch()
        return submit(self.stack, "test.stamp", {"text": "once", "gate": str(self.gate), "pause_at": point})["id"]

    def reached(self, point: str) -> int:
        """Waits until the job is at this point; the process that is there."""
        mark = self.gate.with_suffix(f".{point}")
        eventually(mark.exists, f"the job reaches {point}; see {self.worker.log}")
        return int(mark.read_text())

    def open(self) -> None:
        self.gate.unlink()


@pytest.fixture
def scene(stack: Stack, tmp_path: Path) -> Scene:
    return Scene(stack, tmp_path)


def assert_ended_once(stack: Stack, job_id: str) -> list[dict[str, Any]]:
    """The job succeeded, has one final event, one visible artifact and one lineage edge; gives its events."""
    job = ended(stack, job_id)
    assert job["state"] == "succeeded", job
    events = stack.sql("SELECT number, type, data FROM job_events WHERE job_id = %s ORDER BY number", [job_id])
    assert [number for number, _, _ in events] == list(range(1, len(events) + 1))
    finals = [name for _, name, _ in events if name in {"job.succeeded", "job.failed", "job.canceled"}]
    assert finals == ["job.succeeded"]
    assert events[-1][1] == "job.succeeded"
    assert stack.sql("SELECT count(*) FROM lineage_edges WHERE job_id = %s", [job_id]) == [(1,)]
    digest = job["result"]["artifact"]["sha256"]
    assert stack.sql("SELECT count(*) FROM artifacts WHERE sha256 = %s AND published_at IS NOT NULL", [digest]) == [
        (1,)
    ]
    return [{"type": name, **data} for _, name, data in events]


@pytest.mark.parametrize("point", ["claimed", "compute", "uploaded"])
def test_a_job_whose_worker_is_killed_ends_once_on_the_worker_that_replaces_it(scene: Scene, point: str) -> None:
    job_id = scene.submit(point)
    scene.reached(point)
    scene.worker.kill()
    scene.open()
    scene.start_worker()
    events = assert_ended_once(scene.stack, job_id)
    assert [event.get("cause") for event in events if event["type"] == "job.requeued"] == ["worker_lost"]


def test_a_job_whose_runner_alone_is_killed_starts_again_on_the_same_worker(scene: Scene) -> None:
    job_id = scene.submit("compute")
    runner = scene.reached("compute")
    assert runner != scene.worker.pid
    scene.open()
    os.kill(runner, signal.SIGKILL)
    events = assert_ended_once(scene.stack, job_id)
    assert [event.get("cause") for event in events if event["type"] == "job.requeued"] == ["runner_lost"]
    assert scene.worker.alive


def test_a_job_whose_worker_and_runner_are_killed_together_ends_on_another_worker(scene: Scene) -> None:
    job_id = scene.submit("compute")
    runner = scene.reached("compute")
    other = scene.start_worker("second")
    os.kill(runner, signal.SIGSTOP)  # so that it is not the runner that notices first
    scene.worker.kill()
    os.kill(runner, signal.SIGKILL)
    scene.open()
    # Nobody replaces the first worker: its lease expires, and the reconciler rings for the other.
    events = assert_ended_once(scene.stack, job_id)
    assert [event["worker"] for event in events if event["type"] == "job.started"] == ["first", "second"]
    assert other.alive


def test_a_runner_does_not_outlive_its_worker(scene: Scene) -> None:
    scene.submit("compute")
    runner = scene.reached("compute")
    scene.worker.kill()
    eventually(lambda: not Path(f"/proc/{runner}").exists() or _is_dead(runner), "the runner ends", 5)


def _is_dead(pid: int) -> bool:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"


def test_a_worker_paused_beyond_its_lease_cannot_finish_what_another_has_finished(scene: Scene) -> None:
    job_id = scene.submit("uploaded")
    scene.reached("uploaded")
    scene.start_worker("second")
    scene.worker.signal(signal.SIGSTOP)
    scene.open()
    assert_ended_once(scene.stack, job_id)
    scene.worker.signal(signal.SIGCONT)
    eventually(lambda: _log_tells(scene.worker, ("late_result_refused", "lease_lost")), "the late result is refused")
    events = assert_ended_once(scene.stack, job_id)
    assert [event["worker"] for event in events if event["type"] == "job.started"] == ["first", "second"]


def _log_tells(process: Process, words: tuple[str, ...]) -> bool:
    return any(word in process.log.read_text() for word in words)
