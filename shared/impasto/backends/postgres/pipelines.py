"""Reading pipelines, their steps and their events; within a tenant's transaction."""

from __future__ import annotations

from typing import Any, Final

from psycopg import AsyncConnection
from psycopg.rows import dict_row

from impasto.jobs import Progress
from impasto.pipelines.records import (
    PipelineEvent,
    PipelineRecord,
    PipelineState,
    PipelineSummary,
    StepProgress,
    StepRecord,
)

_PIPELINE: Final = """
SELECT p.id, p.name, p.state, p.cancel_requested_at IS NOT NULL AS cancel_requested, p.created_at, p.started_at,
       p.finished_at, (SELECT jsonb_object_agg(state, n) FROM (
           SELECT state, count(*) AS n FROM pipeline_steps WHERE pipeline_id = p.id GROUP BY state
       ) counted) AS steps_by_state
FROM pipelines p
"""
_STEPS: Final = """
SELECT s.name, s.kind, s.state, s.params, s.condition, s.needs, s.priority, s.no_progress_s, s.job_id, s.reason,
       CASE s.state WHEN 'running' THEN j.progress END AS progress, j.started_at, j.finished_at,
       job_waits_for(j.state, j.queue, j.kind) AS waiting_for
FROM pipeline_steps s LEFT JOIN jobs j ON j.id = s.job_id
WHERE s.pipeline_id = %s ORDER BY s.position
"""


async def pipeline_by_id(connection: AsyncConnection[Any], pipeline_id: str) -> PipelineRecord | None:
    """The tenant's pipeline of that id, with its steps."""
    found = await _rows(connection, f"{_PIPELINE} WHERE p.id = %s", [pipeline_id])
    if not found:
        return None
    steps = await _rows(connection, _STEPS, [pipeline_id])
    return PipelineRecord(**found[0], steps=[StepRecord.model_validate(step) for step in steps])


async def list_pipelines(
    connection: AsyncConnection[Any], *, state: str | None, before: str | None, most: int
) -> list[PipelineSummary]:
    """The tenant's pipelines, newest first, older than `before`."""
    conditions = ["p.tenant_id = current_setting('app.tenant_id')"]
    conditions += ["p.state = %(state)s"] if state else []
    conditions += ["p.id < %(before)s"] if before else []
    query = f"{_PIPELINE} WHERE {' AND '.join(conditions)} ORDER BY p.id DESC LIMIT %(most)s"
    found = await _rows(connection, query, {"state": state, "before": before, "most": most})
    return [PipelineSummary.model_validate(row) for row in found]


async def pipeline_by_key(connection: AsyncConnection[Any], idempotency_key: str) -> tuple[str, bytes]:
    """The id of the pipeline accepted under that key, and the digest of its request."""
    found = await _rows(
        connection, "SELECT id, request_sha256 FROM pipelines WHERE idempotency_key = %s", [idempotency_key]
    )
    assert found, "a taken key has its pipeline"
    return found[0]["id"], bytes(found[0]["request_sha256"])


async def state_of_pipeline(connection: AsyncConnection[Any], pipeline_id: str) -> PipelineState:
    """The state of a pipeline that is known to be the tenant's."""
    found = await _rows(connection, "SELECT state FROM pipelines WHERE id = %s", [pipeline_id])
    return PipelineState(found[0]["state"])


async def pipeline_events_after(
    connection: AsyncConnection[Any], pipeline_id: str, number: int, most: int = 200
) -> list[PipelineEvent]:
    """The pipeline's events with a larger number, in order; numbers have no gaps."""
    found = await _rows(
        connection,
        """SELECT pipeline_id, number, type, step, job_id, data, occurred_at FROM pipeline_events
           WHERE pipeline_id = %s AND number > %s ORDER BY number LIMIT %s""",
        [pipeline_id, number, most],
    )
    return [PipelineEvent.model_validate(row) for row in found]


async def progress_of_steps(connection: AsyncConnection[Any], pipeline_id: str) -> list[StepProgress]:
    """How far the jobs are that run now."""
    found = await _rows(
        connection,
        """SELECT s.name, s.job_id, j.progress FROM pipeline_steps s JOIN jobs j ON j.id = s.job_id
           WHERE s.pipeline_id = %s AND s.state = 'running' AND j.progress IS NOT NULL ORDER BY s.position""",
        [pipeline_id],
    )
    return [
        StepProgress(step=row["name"], job_id=row["job_id"], progress=Progress.model_validate(row["progress"]))
        for row in found
    ]


async def _rows(connection: AsyncConnection[Any], query: str, values: Any) -> list[dict[str, Any]]:
    async with connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(query, values)
        return await cursor.fetchall()
