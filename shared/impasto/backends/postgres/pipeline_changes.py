"""Accepting, stopping and resuming pipelines, within a tenant's transaction; the caller commits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from psycopg import AsyncConnection, Connection
from psycopg.types.json import Jsonb

from impasto.backends.postgres.advancing import advance
from impasto.backends.postgres.flows import Flow, perform, perform_async
from impasto.backends.postgres.jobs import CANCEL
from impasto.backends.postgres.retrying import retry_jobs
from impasto.errors import Conflict, NotFound
from impasto.identifiers import new_id
from impasto.pipelines.checking import CheckedStep
from impasto.pipelines.records import PipelineState
from impasto.submission import Bell

_INSERT: Final = """
INSERT INTO pipelines (id, tenant_id, name, idempotency_key, request_sha256, traceparent)
VALUES (%(id)s, current_setting('app.tenant_id'), %(name)s, %(idempotency_key)s, %(request_sha256)s, %(traceparent)s)
ON CONFLICT (tenant_id, idempotency_key) DO NOTHING RETURNING id
"""
_INSERT_STEPS: Final = """
INSERT INTO pipeline_steps (tenant_id, pipeline_id, name, position, kind, params, condition, after, needs, priority,
                            no_progress_s)
SELECT current_setting('app.tenant_id'), %(id)s, name, n, kind, params, condition,
       ARRAY(SELECT jsonb_array_elements_text(after)), ARRAY(SELECT jsonb_array_elements_text(needs)), priority,
       no_progress_s
FROM unnest(%(name)s::text[], %(kind)s::text[], %(params)s::jsonb[], %(condition)s::text[], %(after)s::jsonb[],
            %(needs)s::jsonb[], %(priority)s::smallint[], %(no_progress_s)s::double precision[])
     WITH ORDINALITY AS u (name, kind, params, condition, after, needs, priority, no_progress_s, n)
"""

_HOLD: Final = "SELECT state, cancel_requested_at IS NOT NULL FROM pipelines WHERE id = %s FOR NO KEY UPDATE"

# The last of each job's retries: it may have been tried again by itself, more than once.
_LAST_TRIES: Final = """
WITH RECURSIVE tries AS (
    SELECT s.name, s.job_id AS id FROM pipeline_steps s
    WHERE s.pipeline_id = %(pipeline)s AND s.job_id IS NOT NULL AND s.state IN ('failed', 'canceled')
    UNION ALL
    SELECT t.name, j.id FROM tries t JOIN jobs j ON j.tenant_id = current_setting('app.tenant_id') AND j.retry_of = t.id
)
SELECT t.name, j.id, j.state FROM tries t JOIN jobs j ON j.id = t.id
WHERE NOT EXISTS (SELECT FROM jobs r WHERE r.tenant_id = j.tenant_id AND r.retry_of = j.id)
"""
# `told` is as of a step that has not begun: the log tells what becomes of it anew.
_ADOPT: Final = """
WITH job AS (UPDATE jobs SET pipeline_id = %(pipeline)s WHERE id = %(job)s RETURNING id, state, error)
UPDATE pipeline_steps SET job_id = job.id, state = job.state, told = 'waiting', reason = job.error
FROM job WHERE pipeline_id = %(pipeline)s AND name = %(step)s
"""
_ANEW: Final = """
UPDATE pipeline_steps SET state = 'waiting', told = 'waiting', reason = NULL, job_id = NULL
WHERE pipeline_id = %s AND state NOT IN ('succeeded', 'queued', 'running')
"""
_GO_ON: Final = "UPDATE pipelines SET state = 'running', finished_at = NULL, cancel_requested_at = NULL WHERE id = %s"


@dataclass(frozen=True, slots=True)
class NewPipeline:
    """A pipeline about to be accepted, its steps each after those that it needs."""

    id: str
    name: str
    steps: Sequence[CheckedStep]
    idempotency_key: str | None = None
    request_sha256: bytes | None = None
    traceparent: str | None = None


def new_pipeline_id() -> str:
    """An identifier for a pipeline about to be accepted."""
    return new_id("pip")


async def insert_pipeline(connection: AsyncConnection[Any], pipeline: NewPipeline) -> list[Bell] | None:
    """The pipeline and the jobs that can begin at once, with their bells; None if the Idempotency-Key is taken."""
    return await perform_async(connection, _accept(pipeline))


def _accept(pipeline: NewPipeline) -> Flow[list[Bell] | None]:
    head = {
        "id": pipeline.id,
        "name": pipeline.name,
        "idempotency_key": pipeline.idempotency_key,
        "request_sha256": pipeline.request_sha256,
        "traceparent": pipeline.traceparent,
    }
    if not (yield _INSERT, head):
        return None
    steps = pipeline.steps
    values = {
        "id": pipeline.id,
        "name": [step.name for step in steps],
        "kind": [step.kind.name for step in steps],
        "params": [Jsonb(step.request.params) for step in steps],
        "condition": [step.request.condition for step in steps],
        "after": [Jsonb(step.request.after) for step in steps],
        "needs": [Jsonb(step.needs) for step in steps],
        "priority": [step.request.priority for step in steps],
        "no_progress_s": [step.request.no_progress_s for step in steps],
    }
    yield _INSERT_STEPS, values
    yield "SELECT tell_pipeline(%(id)s, 'pipeline.queued')", {"id": pipeline.id}
    return (yield from advance(pipeline.id))


async def request_pipeline_cancel(connection: AsyncConnection[Any], pipeline_id: str) -> None:
    """Notes that nothing more of the pipeline is to begin; once committed, `cancel_its_jobs` does the rest.

    Raises:
        NotFound: there is no such pipeline.
        Conflict: it has ended.
    """
    state, asked = await _held(connection, pipeline_id)
    if state.is_final:
        raise Conflict("pipeline_already_finished", f"the pipeline has already ended as {state.value}")
    if not asked:
        await connection.execute("UPDATE pipelines SET cancel_requested_at = now() WHERE id = %s", [pipeline_id])
        await connection.execute("SELECT tell_pipeline(%s, 'pipeline.cancel_requested')", [pipeline_id])


async def cancel_its_jobs(connection: AsyncConnection[Any], pipeline_id: str) -> list[str]:
    """Asks the jobs of a pipeline that is to stop to do so, and ends what has not begun; the jobs that were asked."""
    return await perform_async(connection, _cancel_jobs(pipeline_id))


def cancel_jobs_of(connection: Connection[Any], pipeline_id: str) -> list[str]:
    """The same for the reconciler, which does it when nobody else has."""
    return perform(connection, _cancel_jobs(pipeline_id))


def _cancel_jobs(pipeline_id: str) -> Flow[list[str]]:
    # Before the pipeline is held: who ends one of these jobs has its row and wants the pipeline's.
    rows = yield (
        """SELECT s.job_id FROM pipeline_steps s JOIN pipelines p ON p.id = s.pipeline_id
           WHERE s.pipeline_id = %(pipeline)s AND s.state IN ('queued', 'running')
             AND p.cancel_requested_at IS NOT NULL""",
        {"pipeline": pipeline_id},
    )
    asked = (yield CANCEL, {"ids": [row[0] for row in rows]}) if rows else []
    yield from advance(pipeline_id)
    return [row[0] for row in asked]


async def resume_pipeline(connection: AsyncConnection[Any], pipeline_id: str) -> list[Bell]:
    """Tries again what failed or was canceled, by linked new jobs, and goes on from there. One that runs is left alone.

    A job that was tried again by itself meanwhile is taken as it is: it is not run a third time.

    Raises:
        NotFound: there is no such pipeline.
        Conflict: it has succeeded, or is still about to stop.
    """
    state, asked = await _held(connection, pipeline_id)
    if state is PipelineState.SUCCEEDED:
        raise Conflict("pipeline_succeeded", f"{pipeline_id} has succeeded", hint="submit it again for other results")
    if not state.is_final:
        if asked:
            raise Conflict("pipeline_not_finished", f"{pipeline_id} is about to stop", hint="wait for its end")
        return []
    cursor = await connection.execute(_LAST_TRIES, {"pipeline": pipeline_id})
    tries = {name: (job_id, job_state) for name, job_id, job_state in await cursor.fetchall()}
    lost = [job_id for job_id, job_state in tries.values() if job_state in ("failed", "canceled")]
    retried = await retry_jobs(connection, lost) if lost else None
    made = {job.retry_of: job.id for job in retried.jobs} if retried else {}
    for name, (job_id, _) in tries.items():
        values = {"pipeline": pipeline_id, "step": name, "job": made.get(job_id, job_id)}
        await connection.execute(_ADOPT, values)
    for statement in (_ANEW, _GO_ON, "SELECT tell_pipeline(%s, 'pipeline.resumed')"):
        await connection.execute(statement, [pipeline_id])
    bells = await perform_async(connection, advance(pipeline_id))
    return [*(retried.bells if retried else []), *bells]


async def _held(connection: AsyncConnection[Any], pipeline_id: str) -> tuple[PipelineState, bool]:
    row = await (await connection.execute(_HOLD, [pipeline_id])).fetchone()
    if row is None:
        raise NotFound("pipeline", pipeline_id)
    return PipelineState(row[0]), bool(row[1])
