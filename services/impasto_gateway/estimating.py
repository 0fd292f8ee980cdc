"""How long a step of a pipeline may wait and run: told by a dry run."""

from __future__ import annotations

from typing import Any

from psycopg import AsyncConnection

from impasto.backends.postgres.estimates import run_seconds, start_seconds
from impasto.pipelines.checking import CheckedStep
from impasto.pipelines.records import StepEstimate


async def estimate_of(connection: AsyncConnection[Any], step: CheckedStep, *, class_s: float) -> StepEstimate | None:
    """What is expected of this step, from what was measured of others; None if nothing is known."""
    # What it takes from another step may be what its size depends on.
    run_s = await run_seconds(connection, step.kind, None if step.takes else step.request.params)
    start_in_s = await start_seconds(connection, step.kind, class_s=class_s)
    return StepEstimate(start_in_s=start_in_s, run_s=run_s) if run_s or start_in_s else None
