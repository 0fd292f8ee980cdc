"""What is due, as the reconciler submits it: the job, the run and the next time are one commit."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Final

from psycopg import AsyncConnection, OperationalError
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb
from psycopg_pool import AsyncConnectionPool

from impasto.backends.postgres.inbox import PostgresInbox
from impasto.backends.telemetry import spans
from impasto.errors import Conflict, ImpastoError, InvalidInput, Unavailable
from impasto.faults import trace_of
from impasto.schedules import Outcome
from impasto.scheduling import Calendar, Turn, job_of, turn
from impasto.submission import Bell, Submitted, new_job_id, submit
from impasto.traces import new_trace_parent

_LOG = logging.getLogger("impasto.scheduling")

_DUE: Final = """
SELECT id, tenant_id, cron, timezone, job, overlap, catch_up, next_at, last_job_id, traceparent, now() AS now
FROM schedules WHERE state = 'active' AND next_at <= now() ORDER BY next_at LIMIT 1 FOR UPDATE SKIP LOCKED
"""
_RUN: Final = """
INSERT INTO schedule_runs (tenant_id, schedule_id, due_at, outcome) VALUES (%s, %s, %s, 'skipped')
ON CONFLICT DO NOTHING
"""
_RAN: Final = """
UPDATE schedule_runs SET outcome = %(outcome)s, job_id = %(job_id)s, error = %(error)s
WHERE schedule_id = %(id)s AND due_at = %(due_at)s
"""
_ON: Final = """
UPDATE schedules SET next_at = %(next_at)s,
    state = CASE WHEN %(next_at)s::timestamptz IS NULL THEN 'ended' ELSE state END,
    last_due_at = %(due_at)s, last_job_id = coalesce(%(job_id)s, last_job_id), last_error = %(error)s
WHERE id = %(id)s
"""
_STOP: Final = "UPDATE schedules SET state = 'paused', next_at = NULL, last_error = %s WHERE id = %s"
_OPEN: Final = "SELECT 1 FROM jobs WHERE tenant_id = %s AND id = %s AND finished_at IS NULL"
_NEXT: Final = """
SELECT extract(epoch FROM next_at - now())::double precision FROM schedules WHERE state = 'active'
ORDER BY next_at LIMIT 1
"""


@dataclass(frozen=True, slots=True)
class Ran:
    """What became of one due time."""

    schedule_id: str
    tenant_id: str
    outcome: Outcome
    job_id: str | None = None
    error: dict[str, Any] | None = None
    bell: Bell | None = None


class PostgresScheduling:
    """As role impasto_engine. Any number of processes may ask at once: a schedule is in one's hands at a time."""

    def __init__(
        self, pool: AsyncConnectionPool[AsyncConnection[Any]], calendar: Callable[[str, str], Calendar]
    ) -> None:
        """`calendar`: that of a cron expression in a time zone."""
        self._pool, self._calendar = pool, calendar

    async def next_in_s(self) -> float | None:
        """Seconds until the next is due; None if there is none."""
        async with self._pool.connection() as connection:
            row = await (await connection.execute(_NEXT)).fetchone()
        return None if row is None else float(row[0])

    async def run_one(self) -> Ran | None:
        """Meets one time that has come; None if there is none.

        Raises:
            OperationalError, Unavailable: the database does not answer. Nothing has changed, and nothing is lost.
        """
        async with self._pool.connection() as connection, connection.transaction():
            async with connection.cursor(row_factory=dict_row) as cursor:
                due = await (await cursor.execute(_DUE)).fetchone()
            if due is None:
                return None
            await connection.execute("SELECT set_config('app.tenant_id', %s, true)", [due["tenant_id"]])
            try:
                calendar = self._calendar(due["cron"], due["timezone"]) if due["cron"] else None
            except InvalidInput as error:  # readable once: another version, or another list of time zones
                await connection.execute(_STOP, [Jsonb(error.as_record()), due["id"]])
                return Ran(due["id"], due["tenant_id"], "failed", error=error.as_record())
            return await self._meet(connection, due, turn(due["next_at"], due["now"], due["catch_up"], calendar))

    async def _meet(self, connection: AsyncConnection[Any], due: dict[str, Any], now: Turn) -> Ran:
        made = await connection.execute(_RUN, [due["tenant_id"], due["id"], now.due_at])
        ran = Ran(due["id"], due["tenant_id"], "skipped")
        if made.rowcount:
            ran = await self._outcome(connection, due, now)
        told = {
            "id": due["id"],
            "due_at": now.due_at,
            "next_at": now.next_at,
            "outcome": ran.outcome,
            "job_id": ran.job_id,
            "error": Jsonb(ran.error) if ran.error else None,
        }
        if made.rowcount:
            await connection.execute(_RAN, told)
        await connection.execute(_ON, told)
        return ran

    async def _outcome(self, connection: AsyncConnection[Any], due: dict[str, Any], now: Turn) -> Ran:
        if now.missed:
            missed = {"code": "start_missed", "message": "nobody was there to submit the job at its time"}
            return Ran(due["id"], due["tenant_id"], "skipped", error=missed)
        if due["overlap"] == "skip" and due["last_job_id"]:
            cursor = await connection.execute(_OPEN, [due["tenant_id"], due["last_job_id"]])
            if await cursor.fetchone():
                before = Conflict("job_not_finished", f"{due['last_job_id']}, of the time before, has not ended")
                return Ran(due["id"], due["tenant_id"], "skipped", error=before.as_record())
        try:
            submitted = await _submit(connection, due)
        except (Unavailable, OperationalError):
            raise
        except ImpastoError as error:
            return Ran(due["id"], due["tenant_id"], "failed", error=error.as_record())
        except Exception as error:  # noqa: BLE001  whatever it was, this time is over and the next will come
            _LOG.error("the job of %s could not be submitted\n%s", due["id"], trace_of(error))
            unknown = {"code": "internal_error", "message": "the job could not be submitted; the log has more"}
            return Ran(due["id"], due["tenant_id"], "failed", error=unknown)
        return Ran(due["id"], due["tenant_id"], "submitted", submitted.job.id, bell=submitted.bell)


async def _submit(connection: AsyncConnection[Any], due: dict[str, Any]) -> Submitted:
    """Within a savepoint: a refusal leaves nothing but its reason.

    Each time is a trace of its own, linked to that of the request that made the schedule: a schedule of years is no
    trace that anybody could look at.
    """
    about = {"impasto.schedule.id": due["id"]}
    with spans.span("run schedule", link=due["traceparent"], attributes=about) as span:
        job = replace(job_of(due["job"], new_job_id()), traceparent=span.traceparent or new_trace_parent())
        async with connection.transaction():
            submitted = await submit(PostgresInbox(connection), job)
        span.set({"impasto.job.id": submitted.job.id})
    return submitted
