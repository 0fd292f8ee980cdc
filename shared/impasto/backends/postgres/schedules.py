"""Schedules in PostgreSQL, within the transaction of a tenant's request."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from psycopg import AsyncConnection
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from impasto.schedules import Schedule, ScheduleRun

COLUMNS: Final = (
    "id, name, cron, at, timezone, job, overlap, catch_up, state, next_at, last_due_at, last_job_id, last_error, "
    "created_at"
)
_MINE: Final = "tenant_id = current_setting('app.tenant_id')"
_ADD: Final = f"""
INSERT INTO schedules (id, tenant_id, name, cron, at, timezone, job, overlap, catch_up, next_at,
                       traceparent)
VALUES (%(id)s, current_setting('app.tenant_id'), %(name)s, %(cron)s, %(at)s, %(timezone)s, %(job)s, %(overlap)s,
        %(catch_up)s, %(next_at)s, %(traceparent)s)
ON CONFLICT (tenant_id, name) DO NOTHING RETURNING {COLUMNS}
"""  # noqa: S608  fixed columns
_LIST: Final = f"""
SELECT {COLUMNS} FROM schedules WHERE {_MINE} AND (%(before)s::text IS NULL OR id < %(before)s)
ORDER BY id DESC LIMIT %(most)s
"""  # noqa: S608  fixed columns
_RUNS: Final = f"""
SELECT due_at, outcome, job_id, error, created_at FROM schedule_runs
WHERE {_MINE} AND schedule_id = %(id)s ORDER BY due_at DESC LIMIT %(most)s
"""  # noqa: S608  fixed text


async def count_schedules(connection: AsyncConnection[Any]) -> int:
    """How many the tenant has; nobody else adds one of it before this commits."""
    await connection.execute("SELECT pg_advisory_xact_lock(hashtextextended(current_setting('app.tenant_id'), 11))")
    row = await (await connection.execute(f"SELECT count(*) FROM schedules WHERE {_MINE}")).fetchone()  # noqa: S608
    return 0 if row is None else int(row[0])


async def add_schedule(connection: AsyncConnection[Any], values: dict[str, Any]) -> Schedule | None:
    """Keeps a new schedule, which is active; None if the tenant has one of that name."""
    rows = await _rows(connection, _ADD, {**values, "job": Jsonb(values["job"])})
    return rows[0] if rows else None


async def list_schedules(connection: AsyncConnection[Any], before: str | None, most: int) -> list[Schedule]:
    """The tenant's schedules, newest first, older than `before`."""
    return await _rows(connection, _LIST, {"before": before, "most": most})


async def schedule_by_id(connection: AsyncConnection[Any], schedule_id: str, *, held: bool = False) -> Schedule | None:
    """The tenant's schedule of that id; if it is held, nobody changes it before this transaction ends."""
    query = f"SELECT {COLUMNS} FROM schedules WHERE id = %(id)s AND {_MINE}"  # noqa: S608  fixed columns
    rows = await _rows(connection, query + (" FOR UPDATE" if held else ""), {"id": schedule_id})
    return rows[0] if rows else None


async def runs_of(connection: AsyncConnection[Any], schedule_id: str, most: int) -> list[ScheduleRun]:
    """What became of the schedule's last times, newest first."""
    async with connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(_RUNS, {"id": schedule_id, "most": most})
        return [ScheduleRun.model_validate(row) for row in await cursor.fetchall()]


async def set_state(
    connection: AsyncConnection[Any], schedule_id: str, state: str, next_at: datetime | None
) -> Schedule:
    """Pauses a schedule, or lets it go on at that time."""
    query = f"""UPDATE schedules SET state = %(state)s, next_at = %(next_at)s WHERE id = %(id)s AND {_MINE}
                RETURNING {COLUMNS}"""  # noqa: S608  fixed columns
    (found,) = await _rows(connection, query, {"id": schedule_id, "state": state, "next_at": next_at})
    return found


async def remove_schedule(connection: AsyncConnection[Any], schedule_id: str) -> bool:
    """Removes a schedule and its runs; the jobs it submitted stay."""
    query = f"DELETE FROM schedules WHERE id = %s AND {_MINE}"  # noqa: S608  fixed text
    return bool((await connection.execute(query, [schedule_id])).rowcount)


async def _rows(connection: AsyncConnection[Any], query: str, values: dict[str, Any]) -> list[Schedule]:
    async with connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(query, values)
        return [Schedule.model_validate(row) for row in await cursor.fetchall()]
