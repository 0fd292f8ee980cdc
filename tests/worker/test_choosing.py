"""Real workers choose: who is next, and who has the checkpoint loaded."""

from __future__ import annotations

import json
from pathlib import Path

from impasto.testing.processes import eventually
from impasto.testing.stacks import Stack
from tests.asking import ended, submit


def test_a_newcomer_s_jobs_start_between_those_of_a_tenant_with_a_long_queue(stack: Stack) -> None:
    """One slot: B's k-th job is among the first 2k + 1 that start after it came."""
    stack.start_gateway()
    many = [submit(stack, "test.stamp", {"text": "a"}, tenant="first")["id"] for _ in range(40)]
    few = [submit(stack, "test.stamp", {"text": "b"}, tenant="second")["id"] for _ in range(5)]
    stack.start_worker("w", ["test"], slots=1)
    for job_id in few:
        ended(stack, job_id, tenant="second")
    ended(stack, many[0])
    order = [row[0] for row in stack.sql("SELECT job_id FROM job_events WHERE type = 'job.started' ORDER BY seq")]
    assert all(order.index(job_id) <= 2 * k + 1 for k, job_id in enumerate(few, start=1))


def test_jobs_go_to_the_worker_that_has_their_checkpoint_loaded(stack: Stack, tmp_path: Path) -> None:
    checkpoints = []
    for name in ("one", "two"):
        place = tmp_path / name
        place.mkdir()
        (place / "config.json").write_text(json.dumps({"log": str(place / "log")}))
        checkpoints.append(str(place))
    stack.start_gateway()
    stack.start_reconciler()
    for name in ("x", "y"):
        stack.start_worker(name, ["test"], slots=2)

    def draw(checkpoint: str) -> str:
        job = submit(stack, "test.draw", {"checkpoint": checkpoint})
        assert ended(stack, job["id"])["state"] == "succeeded"
        ((worker,),) = stack.sql(
            "SELECT data->>'worker' FROM job_events WHERE job_id = %s AND type = 'job.started'", [job["id"]]
        )
        return str(worker)

    first = draw(checkpoints[0])
    eventually(
        lambda: stack.sql("SELECT 1 FROM workers WHERE name = %s AND checkpoints = %s", [first, checkpoints[:1]]),
        "the worker tells what it holds",
    )
    assert [draw(checkpoints[0]) for _ in range(6)] == [first] * 6
