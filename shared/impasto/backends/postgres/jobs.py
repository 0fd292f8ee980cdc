"""Reading jobs and their events, and asking for a job to stop; within a tenant's transaction."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from psycopg import AsyncConnection

from impasto.jobs import JobEvent, JobRecord, JobState

COLUMNS: Final = (
    "id, kind, state, params, result, error, progress, attempts, cancel_requested_at IS NOT NULL AS cancel_requested, "
    "created_at, started_at, finished_at, CASE WHEN run_after > created_at THEN run_after END AS start_after, "
    "start_by, finish_by, no_progress_s, retry_of, pipeline_id, substr(traceparent, 4, 32) AS trace_id, "
    "job_waits_for(state, queue, kind) AS waiting_for"
)
_NAMES: Final = (
    "id",
    "kind",
    "state",
    "params",
    "result",
    "error",
    "progress",
    "attempts",
    "cancel_requested",
    "created_at",
    "started_at",
    "finished_at",
    "start_after",
    "start_by",
    "finish_by",
    "no_progress_s",
    "retry_of",
    "pipeline_id",
    "trace_id",
    "waiting_for",
)

_CONDITIONS: Final = {
    "state": "state = %(state)s",
    "kind": "kind = %(kind)s",
    "code": "error_code = %(code)s AND state = 'failed'",
    "before": "id < %(before)s",
}

# The newest of each state that is asked for, and of these the newest. A range of states in their order, though it is
# one state: no other index has that order, so that nobody walks down all jobs, past a million that wait, to rare ones.
_BY_STATE: Final = """id = ANY(ARRAY(
    SELECT newest.id FROM unnest(%(states)s::text[]) AS each (state) CROSS JOIN LATERAL (
        SELECT jobs.id FROM jobs
        WHERE {where} AND jobs.state >= each.state AND (jobs.state, jobs.id) < (each.state, %(before)s)
        ORDER BY jobs.state DESC, jobs.id DESC LIMIT %(most)s
    ) AS newest ORDER BY newest.id DESC LIMIT %(most)s))"""
_AFTER_ALL: Final = "job_" + 26 * "z"

# Queued: ended here and now. Running: the flag is set; the worker sees it when it next renews its lease.
# Locked in one order, so that two calls that overlap do not wait for each other.
CANCEL: Final = f"""
WITH asked AS (
    UPDATE jobs SET cancel_requested_at = now(), last_event = last_event + 1,
        state = CASE state WHEN 'queued' THEN 'canceled' ELSE state END,
        finished_at = CASE state WHEN 'queued' THEN now() END,
        error = CASE state WHEN 'queued' THEN '{{"code": "canceled", "message": "canceled before it started"}}'::jsonb
                ELSE error END
    WHERE id IN (SELECT id FROM jobs WHERE id = ANY(%(ids)s) ORDER BY id FOR UPDATE)
      AND state IN ('queued', 'running') AND cancel_requested_at IS NULL
    RETURNING *
), told AS (
    INSERT INTO job_events (tenant_id, job_id, number, type)
    SELECT tenant_id, id, last_event, CASE state WHEN 'canceled' THEN 'job.canceled' ELSE 'job.cancel_requested' END
    FROM asked
)
SELECT {COLUMNS} FROM asked
"""  # noqa: S608  fixed columns


def record(row: tuple[Any, ...]) -> JobRecord:
    """A row of `COLUMNS` as a record."""
    return JobRecord.model_validate(dict(zip(_NAMES, row, strict=True)))


async def job_by_id(connection: AsyncConnection[Any], job_id: str) -> JobRecord | None:
    """The tenant's job of that id."""
    cursor = await connection.execute(f"SELECT {COLUMNS} FROM jobs WHERE id = %s", [job_id])  # noqa: S608
    row = await cursor.fetchone()
    return None if row is None else record(row)


@dataclass(frozen=True, slots=True)
class Preview:
    """The last preview of a job (JPEG), if there was one, and whether the job has ended."""

    jpeg: bytes | None
    ended: bool


async def preview_of(connection: AsyncConnection[Any], job_id: str) -> Preview | None:
    """The preview of the tenant's job of that id; None if there is no such job."""
    cursor = await connection.execute("SELECT preview, finished_at IS NOT NULL FROM jobs WHERE id = %s", [job_id])
    row = await cursor.fetchone()
    return None if row is None else Preview(*row)


async def list_jobs(
    connection: AsyncConnection[Any],
    *,
    state: str | None,
    kind: str | None,
    before: str | None,
    most: int,
    code: str | None = None,
) -> list[JobRecord]:
    """The tenant's jobs, newest first, older than `before`; with a code only those that failed with it."""
    values: dict[str, Any] = {"state": state, "kind": kind, "before": before, "code": code, "most": most}
    # Only the conditions that there are: a plan for all of them at once could use no index well.
    by_state = code is None and (state or kind)
    given = [name for name, value in values.items() if name in _CONDITIONS and value is not None]
    conditions = [_CONDITIONS[name] for name in given if not by_state or name == "kind"]
    where = " AND ".join(["tenant_id = current_setting('app.tenant_id')", *conditions])
    if by_state:
        where = _BY_STATE.format(where=where)
        values["states"] = [state] if state else [each.value for each in JobState]
        values["before"] = before or _AFTER_ALL
    # Planned for these values each time: which index is short depends on them.
    cursor = await connection.execute(
        f"SELECT {COLUMNS} FROM jobs WHERE {where} ORDER BY id DESC LIMIT %(most)s",  # noqa: S608  fixed texts
        values,
        prepare=False,
    )
    return [record(row) for row in await cursor.fetchall()]


async def request_cancel(connection: AsyncConnection[Any], job_id: str) -> JobRecord | None:
    """Asks the job to stop. None if it has ended, was asked before, or is not the tenant's."""
    asked = await request_cancel_all(connection, [job_id])
    return asked[0] if asked else None


async def request_cancel_all(connection: AsyncConnection[Any], job_ids: list[str]) -> list[JobRecord]:
    """Asks these jobs to stop; those among them that have not ended and were not asked before."""
    cursor = await connection.execute(CANCEL, {"ids": job_ids})
    return [record(row) for row in await cursor.fetchall()]


async def events_after(connection: AsyncConnection[Any], job_id: str, number: int, most: int = 200) -> list[JobEvent]:
    """The job's events with a larger number, in order; numbers have no gaps."""
    cursor = await connection.execute(
        """SELECT job_id, number, type, data, occurred_at FROM job_events
           WHERE job_id = %s AND number > %s ORDER BY number LIMIT %s""",
        [job_id, number, most],
    )
    fields = ("job_id", "number", "type", "data", "occurred_at")
    return [JobEvent.model_validate(dict(zip(fields, row, strict=True))) for row in await cursor.fetchall()]
