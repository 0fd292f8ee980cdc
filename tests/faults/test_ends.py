"""However an attempt goes wrong, the job ends with a name for it, and others are not hurt."""

from __future__ import annotations

from pathlib import Path

import pytest

from impasto.testing.processes import eventually
from impasto.testing.stacks import Stack
from tests.asking import ended, look, submit


@pytest.mark.parametrize(
    ("then", "code", "attempts"),
    [("raise", "internal_error", 1), ("refuse", "training_diverged", 1), ("die", "runner_killed", 3),
     ("out_of_memory", "out_of_memory", 3)],
)  # fmt: skip
def test_a_job_that_goes_wrong_fails_with_its_reason(platform: Stack, then: str, code: str, attempts: int) -> None:
    secret = "words of a customer"
    job = ended(platform, submit(platform, "test.stamp", {"text": secret, "then": then})["id"])
    told = platform.sql("SELECT type, data FROM job_events WHERE job_id = %s ORDER BY number", [job["id"]])
    assert (job["state"], job["error"]["code"], job["attempts"]) == ("failed", code, attempts), told
    assert secret not in str(job["error"])
    if code == "out_of_memory":
        assert "memory" in job["error"]["message"]
        assert "smaller" in job["error"]["hint"]
    other = ended(platform, submit(platform, "test.stamp", {"text": "unhurt"})["id"])
    assert other["state"] == "succeeded"


def test_a_worker_that_is_told_to_stop_gives_its_jobs_back_at_no_cost(stack: Stack, tmp_path: Path) -> None:
    stack.start_gateway()
    stack.start_reconciler()
    worker = stack.start_worker("w", ["test"])
    gate = tmp_path / "gate"
    gate.touch()
    job_id = submit(stack, "test.stamp", {"text": "moved", "gate": str(gate), "pause_at": "compute"})["id"]
    eventually(gate.with_suffix(".compute").exists, "the job computes")
    worker.stop()
    assert worker.wait(1) == 0
    waiting = look(stack, job_id)
    assert (waiting["state"], waiting["attempts"]) == ("queued", 0)
    gate.unlink()
    stack.start_worker("w", ["test"])
    job = ended(stack, job_id)
    assert (job["state"], job["attempts"]) == ("succeeded", 1)


def test_a_computation_that_hangs_gives_its_slot_back_and_is_given_up_in_the_end(stack: Stack) -> None:
    stack.environment["TEST_STAMP_NO_PROGRESS_S"] = "3"
    stack.start_gateway()
    stack.start_worker("w", ["test"], slots=1)
    hanging = submit(stack, "test.stamp", {"text": "secret words", "then": "hang"})["id"]
    slow = submit(stack, "test.stamp", {"text": "slow", "then": "tell", "seconds": 8})["id"]
    # It tells how far it is, so it may take longer than that; and the one slot is not held for ever.
    told = ended(stack, slow, most_s=90)
    assert (told["state"], told["attempts"]) == ("succeeded", 1)
    job = ended(stack, hanging, most_s=90)
    causes = stack.sql("SELECT data->>'cause' FROM job_events WHERE type = 'job.requeued' AND job_id = %s", [hanging])
    assert (job["state"], job["error"]["code"], job["attempts"]) == ("failed", "no_progress", 3)
    assert causes == [("no_progress",)] * 2
    assert "secret" not in str(job["error"])


def test_a_job_that_runs_longer_than_its_kind_allows_is_ended(stack: Stack, tmp_path: Path) -> None:
    stack.environment["TEST_STAMP_RUN_LIMIT_S"] = "1"
    stack.start_gateway()
    stack.start_worker("w", ["test"])
    gate = tmp_path / "gate"
    gate.touch()
    job_id = submit(stack, "test.stamp", {"text": "slow", "gate": str(gate), "pause_at": "compute"})["id"]
    job = ended(stack, job_id, most_s=15)
    assert (job["state"], job["error"]["code"]) == ("failed", "time_limit")


def test_two_workers_of_one_name_cannot_run_at_once(stack: Stack) -> None:
    stack.start_worker("same", ["test"])
    second = stack.start("impasto_worker", "worker", "--name", "same", "--queues", "test")
    assert second.wait(30) != 0
    assert "another worker has the name" in second.log.read_text()
