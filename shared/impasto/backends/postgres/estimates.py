"""How long a job will wait and run, from how long others did: sums over all tenants, and nothing where none ran."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from psycopg import AsyncConnection

from impasto.backends.postgres.claiming import CHARGE_S
from impasto.estimates import History, Interval, Line, Outlook, QueueEstimate, Running, WorkerLoad, estimate
from impasto.jobs import Shape
from impasto.kinds import Kind, all_kinds

CLASS_S: Final = 600.0

_JOB: Final = """
SELECT kind, queue, shape, affinity, size_class, state = 'queued',
       extract(epoch FROM run_after)::double precision - priority * %(class_s)s::double precision,
       greatest(0, extract(epoch FROM run_after - now()))::double precision
FROM jobs WHERE id = %(id)s
"""
_HISTORY: Final = "SELECT runs, quantiles FROM run_history(%s, %s, %s::smallint, %s::smallint)"
_WORKERS: Final = "SELECT * FROM workers_of(%s, %s)"
_WAITING: Final = "SELECT * FROM waiting_before(%s, %s, %s, %s)"
_CAP: Final = "SELECT running_cap FROM tenants WHERE id = current_setting('app.tenant_id')"


@dataclass(frozen=True, slots=True)
class _Asked:
    """A job that waits, or one that might be submitted now: then without a rank, behind all of its tenant's."""

    kind: str
    queue: str
    shape: Shape
    affinity: str
    size: int | None
    rank: float | None = None
    id: str = ""
    not_before_s: float = 0.0


async def run_seconds(
    connection: AsyncConnection[Any], kind: str | Kind[Any, Any], params: Mapping[str, Any] | None
) -> Interval | None:
    """How long a run of such a job takes; None where too few of its kind, size and checkpoint have run lately.

    Without `params`, which are not known yet, a job of that kind of any size.
    """
    known = kind if isinstance(kind, Kind) else all_kinds()[kind]
    if params is None:
        any_size = await _history(connection, known.name)
        return any_size.interval() if any_size else None
    history = await _history(connection, known.name, known.affinity_of(params), known.size_of(params))
    return history.interval() if history else None


async def start_seconds(
    connection: AsyncConnection[Any], kind: str | Kind[Any, Any], *, class_s: float = CLASS_S
) -> Interval | None:
    """In how many seconds a job of this kind would start that was submitted now; None where nobody can tell."""
    known = kind if isinstance(kind, Kind) else all_kinds()[kind]
    asked = _Asked(known.name, known.queue, known.shape, "", None)
    outlook = await _outlook(connection, asked, None, class_s)
    return (await asyncio.to_thread(estimate, outlook, known.name)).start_in_s


async def queue_estimate(
    connection: AsyncConnection[Any], job_id: str, *, class_s: float = CLASS_S
) -> QueueEstimate | None:
    """The place of the tenant's queued job of that id and when it will start and end; None if it is not queued."""
    row = await (await connection.execute(_JOB, {"id": job_id, "class_s": class_s})).fetchone()
    if row is None or not row[5]:
        return None
    kind, queue, shape, affinity, size, _, rank, not_before_s = row
    asked = _Asked(kind, queue, shape, affinity, size, rank, job_id, not_before_s)
    run = await _history(connection, kind, affinity, size)
    outlook = await _outlook(connection, asked, run, class_s)
    return await asyncio.to_thread(estimate, outlook, job_id)


async def _history(
    connection: AsyncConnection[Any], kind: str, affinity: str = "", size: int | None = None
) -> History | None:
    """Of this size, or of those next to it; of this checkpoint, if it makes a difference."""
    for beside in (0, 1) if size is not None else (0,):
        sizes = (None, None) if size is None else (size - beside, size + beside)
        cursor = await connection.execute(_HISTORY, [kind, affinity or None, *sizes])
        if row := await cursor.fetchone():
            return History(row[0], tuple(row[1]))
    return None


async def _outlook(connection: AsyncConnection[Any], asked: _Asked, run: History | None, class_s: float) -> Outlook:
    workers = await (await connection.execute(_WORKERS, [asked.queue, asked.kind])).fetchall()
    queues = sorted({queue for row in workers for queue in row[3]} or {asked.queue})
    waiting = await (await connection.execute(_WAITING, [queues, asked.rank, asked.id, class_s])).fetchall()
    cap = await (await connection.execute(_CAP)).fetchone()
    kinds = {row[4] for row in workers if row[4]} | {row[2] for row in waiting if row[2]}
    histories = {kind: await _history(connection, kind) for kind in sorted(kinds)}
    loads = tuple(_loads(workers, asked.shape, histories))
    lines = _lines(waiting, histories, loads)
    return Outlook(
        workers=loads,
        own=lines.pop(True)[0],
        others=tuple(lines.pop(False, [])),
        own_cap=cap[0] if cap else None,
        not_before_s=asked.not_before_s,
        run=run,
    )


def _loads(
    rows: Iterable[tuple[Any, ...]], shape: Shape, histories: Mapping[str, History | None]
) -> Iterable[WorkerLoad]:
    by_worker: dict[int, list[tuple[Any, ...]]] = defaultdict(list)
    for row in rows:
        by_worker[row[0]].append(row)
    for its in by_worker.values():
        slots, places = its[0][1:3]
        running = [(row[5], Running(row[7], histories[row[4]], row[6])) for row in its if row[4]]
        yield WorkerLoad(
            (places or slots) if shape == "engine" else slots,
            tuple(job for kept, job in running if kept == shape),
            tuple(job for kept, job in running if kept != shape),
        )


def _lines(
    rows: Iterable[tuple[Any, ...]], histories: Mapping[str, History | None], loads: Iterable[WorkerLoad]
) -> dict[bool, list[Line]]:
    """The tenants' lines, by whether it is the one that asks."""
    here: dict[int, float] = defaultdict(float)
    for load in loads:
        for running in load.same[: load.slots]:
            here[running.tenant] += max(CHARGE_S, running.elapsed_s)
    by_tenant: dict[tuple[bool, int], list[tuple[Any, ...]]] = defaultdict(list)
    for row in rows:
        by_tenant[row[1], row[0]].append(row)
    found: dict[bool, list[Line]] = defaultdict(list)
    for (mine, tenant), its in by_tenant.items():
        used_s, running_s = its[0][4:6]
        # What runs on these workers is followed in the play.
        elsewhere_s = max(0.0, running_s - here[tenant])
        found[mine].append(
            Line(used_s + elsewhere_s, tuple((row[3], histories[row[2]]) for row in its if row[2]), tenant)
        )
    return dict(found)
