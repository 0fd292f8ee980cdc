"""Reading jobs and their events, and asking for a job to stop; within a tenant's transaction."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from psycopg import AsyncConnection

from impasto.jobs import JobEvent, JobRecord

COLUMNS: Final = (
    "id, kind, state, params, result, error, progress, attempts, cancel_requested_at IS NOT NULL AS cancel_requested, "
    "created_at, started_at, finished_at, finish_by, "
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
    "finish_by",
    "waiting_for",
)

# Queued: ended here and now. Running: the flag is set; the worker sees it when it next renews its lease.
_CANCEL: Final = f"""
WITH asked AS (
    UPDATE jobs SET cancel_requested_at = now(), last_event = last_event + 1,
        state = CASE state WHEN 'queued' THEN 'canceled' ELSE state END,
        finished_at = CASE state WHEN 'queued' THEN now() END,
        error = CASE state WHEN 'queued' THEN '{{"code": "canceled", "message": "canceled before it started"}}'::jsonb
                ELSE error END
    WHERE id = %(id)s AND state IN ('queued', 'running') AND cancel_requested_at IS NULL
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
    connection: AsyncConnection[Any], *, state: str | None, kind: str | None, before: str | None, most: int
) -> list[JobRecord]:
    """The tenant's jobs, newest first, older than `before`."""
    cursor = await connection.execute(
        f"""SELECT {COLUMNS} FROM jobs
            WHERE tenant_id = current_setting('app.tenant_id')
              AND (%(before)s::text IS NULL OR id < %(before)s)
              AND (%(state)s::text IS NULL OR state = %(state)s) AND (%(kind)s::text IS NULL OR kind = %(kind)s)
            ORDER BY id DESC LIMIT %(most)s""",  # noqa: S608  fixed columns
        {"before": before, "state": state, "kind": kind, "most": most},
    )
    return [record(row) for row in await cursor.fetchall()]


async def request_cancel(connection: AsyncConnection[Any], job_id: str) -> JobRecord | None:
    """Asks the job to stop. None if it has ended, was asked before, or is not the tenant's."""
    cursor = await connection.execute(_CANCEL, {"id": job_id})
    row = await cursor.fetchone()
    return None if row is None else record(row)


async def events_after(connection: AsyncConnection[Any], job_id: str, number: int, most: int = 200) -> list[JobEvent]:
    """The job's events with a larger number, in order; numbers have no gaps."""
    cursor = await connection.execute(
        """SELECT job_id, number, type, data, occurred_at FROM job_events
           WHERE job_id = %s AND number > %s ORDER BY number LIMIT %s""",
        [job_id, number, most],
    )
    fields = ("job_id", "number", "type", "data", "occurred_at")
    return [JobEvent.model_validate(dict(zip(fields, row, strict=True))) for row in await cursor.fetchall()]
