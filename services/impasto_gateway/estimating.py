"""How long a step of a pipeline may wait and run: told by a dry run."""

from __future__ import annotations

from typing import Any

from psycopg import AsyncConnection

from impasto.pipelines.checking import CheckedStep


async def estimate_of(connection: AsyncConnection[Any], step: CheckedStep) -> dict[str, Any] | None:
    """What is expected of this step, from what was measured of others; None if nothing is known."""
    return None
