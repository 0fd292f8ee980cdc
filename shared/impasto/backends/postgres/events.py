"""Reading events: of a tenant in one order that skips nothing, and of many jobs in one look."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from psycopg import AsyncConnection

from impasto.events import EventPosition, TenantEvent
from impasto.jobs import JobEvent, JobState, Progress

# How many events one question reads, of a tenant or of one job.
MOST_EVENTS: Final = 200

# What is above the oldest writing transaction is looked at too, so that it is known that something is held back.
_AFTER: Final = """
SELECT e.xid::text::bigint, e.seq, e.xid < pg_snapshot_xmin(pg_current_snapshot()), j.kind, e.job_id, e.number, e.type,
       e.data, e.occurred_at
FROM job_events e JOIN jobs j ON j.id = e.job_id
WHERE e.tenant_id = current_setting('app.tenant_id') AND (e.xid, e.seq) > (%(xid)s::xid8, %(seq)s::bigint)
ORDER BY e.xid, e.seq LIMIT %(most)s
"""

_LOOK: Final = f"""
SELECT j.id, j.state, j.progress, e.number, e.type, e.data, e.occurred_at
FROM unnest(%(ids)s::text[], %(numbers)s::integer[]) AS w (id, number) JOIN jobs j ON j.id = w.id
LEFT JOIN LATERAL (
    SELECT number, type, data, occurred_at FROM job_events
    WHERE job_id = w.id AND number > w.number ORDER BY number LIMIT {MOST_EVENTS}
) e ON true
ORDER BY j.id, e.number
"""  # noqa: S608  a fixed number


@dataclass(frozen=True, slots=True)
class EventPage:
    """Events in order; `position` is that of the last one, or where the reading began.

    `more`: there are further ones. `held`: what follows has to wait for the end of a transaction.
    """

    events: list[TenantEvent]
    position: EventPosition
    more: bool
    held: bool


async def now_position(connection: AsyncConnection[Any]) -> EventPosition:
    """Where all that is not told yet comes after: everything below has ended."""
    row = await (await connection.execute("SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint")).fetchone()
    assert row is not None
    return EventPosition(row[0], 0)


async def settled_position(connection: AsyncConnection[Any], position: EventPosition) -> EventPosition:
    """The position, or what it became if the database was restored from a dump since it was told.

    One beyond all transactions is of the database's earlier life. What was restored has the number 0 by now and keeps
    its `seq`: see `sweeping.settle_events`.
    """
    cursor = await connection.execute("SELECT %s::xid8 > pg_snapshot_xmax(pg_current_snapshot())", [str(position.xid)])
    row = await cursor.fetchone()
    return EventPosition(0, position.seq) if row and row[0] else position


async def tenant_events_after(
    connection: AsyncConnection[Any], position: EventPosition, most: int = MOST_EVENTS
) -> EventPage:
    """The tenant's next events after a position, in an order in which nothing comes later before what was told."""
    cursor = await connection.execute(_AFTER, {"xid": str(position.xid), "seq": position.seq, "most": most})
    rows = await cursor.fetchall()
    settled = [row for row in rows if row[2]]
    events = [
        TenantEvent(
            position=str(EventPosition(xid, seq)), kind=kind, job_id=job_id, number=number, type=name, data=data,
            occurred_at=occurred_at,
        )
        for xid, seq, _, kind, job_id, number, name, data, occurred_at in settled
    ]  # fmt: skip
    last = EventPosition(settled[-1][0], settled[-1][1]) if settled else position
    return EventPage(events, last, more=len(settled) == most, held=len(settled) < len(rows))


@dataclass(slots=True)
class JobLook:
    """A job as it is, and its events after a number, at most `MOST_EVENTS` of them."""

    state: JobState
    progress: Progress | None
    events: list[JobEvent]


async def look_at_jobs(connection: AsyncConnection[Any], after: Mapping[str, int]) -> dict[str, JobLook]:
    """The tenant's jobs of these ids, each with its events after that number; one that is gone is missing."""
    cursor = await connection.execute(_LOOK, {"ids": list(after), "numbers": list(after.values())})
    found: dict[str, JobLook] = {}
    for job_id, state, progress, number, name, data, occurred_at in await cursor.fetchall():
        look = found.get(job_id)
        if look is None:
            told = Progress.model_validate(progress) if progress else None
            look = found[job_id] = JobLook(JobState(state), told, [])
        if number is not None:
            event = JobEvent(job_id=job_id, number=number, type=name, data=data, occurred_at=occurred_at)
            look.events.append(event)
    return found
