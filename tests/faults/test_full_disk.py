"""A full disk ends the job that wrote with that name, wherever it wrote, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from impasto.testing.stacks import Stack
from tests.asking import ended, look, submit


@pytest.mark.parametrize("where", ["fill", "fill_in_runner"])
def test_a_full_disk_has_a_name_and_leaves_nothing_running(stack: Stack, where: str) -> None:
    stack.start_gateway()
    worker = stack.start_worker("w", ["test"])
    job = ended(stack, submit(stack, "test.stamp", {"text": "large", "then": where})["id"])
    assert (job["state"], job["error"]["code"], job["attempts"]) == ("failed", "storage_full", 1), job["error"]
    assert list((Path(stack.settings.data) / "work").glob("w/*")) == []
    assert stack.sql("SELECT count(*) FROM artifacts") == [(0,)], "nothing half-written is known"
    # Once there is room again, the same worker goes on.
    assert ended(stack, submit(stack, "test.stamp", {"text": "small"})["id"])["state"] == "succeeded"
    assert worker.alive
    assert look(stack, job["id"])["state"] == "failed"
