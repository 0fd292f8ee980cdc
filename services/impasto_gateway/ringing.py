"""Rings bells after the answer, outside the request: a 202 never waits for Redis."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Final

from kombu.exceptions import OperationalError as BrokerError
from psycopg import AsyncConnection
from psycopg import OperationalError as DatabaseError
from psycopg_pool import AsyncConnectionPool, PoolTimeout
from redis.exceptions import RedisError

from impasto.backends.bells import Bells
from impasto.backends.postgres.pools import connection_of, tenant_transaction
from impasto.errors import Unavailable
from impasto.faults import trace_of
from impasto.submission import MOST_BELLS, Bell

_LOG = logging.getLogger("impasto.ringing")
_MOST_WAITING: Final = 10_000
_MOST_AT_ONCE: Final = 1_000
# The reconciler rings again for what has been in the outbox for longer than some seconds.
_FORGETS_EVERY_S: Final = 0.1
_COUNTS_EVERY_S: Final = 1.0


class Ringer:
    """One background task. What it cannot ring stays in the outbox, where the reconciler finds it."""

    def __init__(self, bells: Bells, pool: AsyncConnectionPool[AsyncConnection[Any]]) -> None:
        self._bells, self._pool = bells, pool
        self._waiting: asyncio.Queue[tuple[str, Sequence[Bell]]] = asyncio.Queue(_MOST_WAITING)
        self._rung: dict[str, list[int]] = {}
        self._heard: dict[str, tuple[float, int]] = {}
        self._told: asyncio.Queue[tuple[str, str | None]] = asyncio.Queue(_MOST_WAITING)
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        does = (self._ring_for_ever, self._forget_for_ever, self._tell_for_ever)
        self._tasks = [asyncio.create_task(each()) for each in does]

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._forget_rung()

    async def ring(self, tenant_id: str, *bells: Bell) -> None:
        """Rings soon; a full queue leaves the bells to the reconciler."""
        if bells:
            with suppress(asyncio.QueueFull):
                self._waiting.put_nowait((tenant_id, bells))

    async def tell(self, identifier: str, tenant_id: str | None = None) -> None:
        """Wakes the readers of a job's events, and of its tenant's if that is given, soon; or the notifier."""
        with suppress(asyncio.QueueFull):
            self._told.put_nowait((identifier, tenant_id))

    async def _ring_for_ever(self) -> None:
        while True:
            bells = [await self._waiting.get()]
            # What came while the last ones were rung goes together: one look into the queue, one deletion.
            while len(bells) < _MOST_AT_ONCE and not self._waiting.empty():
                bells.append(self._waiting.get_nowait())
            await self._ring_together(bells)

    async def _ring_together(self, bells: list[tuple[str, Sequence[Bell]]]) -> None:
        by_queue: dict[str, list[Bell]] = {}
        by_tenant: dict[str, list[int]] = {}
        for tenant_id, some in bells:
            by_tenant.setdefault(tenant_id, []).extend(bell.outbox_id for bell in some)
            for bell in some:
                by_queue.setdefault(bell.queue, []).append(bell)
        queues = ", ".join(sorted(by_queue))
        try:
            most = {queue: await self._listening(queue) if len(some) > 1 else 1 for queue, some in by_queue.items()}
            await asyncio.to_thread(self._ring_all, by_queue, most, list(by_tenant))
            for tenant_id, rung in by_tenant.items():
                self._rung.setdefault(tenant_id, []).extend(rung)
        except (BrokerError, RedisError, OSError) as error:
            _LOG.warning("a bell for %s could not be rung, it stays in the outbox: %s", queues, error)
        except Exception as error:  # noqa: BLE001  whatever it was, the next bell must be rung
            _LOG.error("a bell for %s could not be rung\n%s", queues, trace_of(error))

    async def _forget_for_ever(self) -> None:
        """Takes bells that were rung out of the outbox: all of a moment together, since that is no hurry."""
        while True:
            await asyncio.sleep(_FORGETS_EVERY_S)
            await self._forget_rung()

    async def _forget_rung(self) -> None:
        rung, self._rung = self._rung, {}
        for tenant_id, ids in rung.items():
            await self._forget(tenant_id, ids)

    async def _forget(self, tenant_id: str, ids: list[int]) -> None:
        try:
            async with tenant_transaction(self._pool, tenant_id) as connection:
                await connection.execute("DELETE FROM outbox WHERE id = ANY(%s)", [ids])
        except (Unavailable, DatabaseError, PoolTimeout):
            _LOG.warning("%d bells were rung but stay in the outbox: no database", len(ids))
        except Exception as error:  # noqa: BLE001  whatever it was, the next bell must leave the outbox
            _LOG.error("%d bells were rung but stay in the outbox\n%s", len(ids), trace_of(error))

    async def _listening(self, queue: str) -> int:
        """How many bells somebody would hear: each costs a worker as much as some jobs, and the others wake nobody."""
        until, found = self._heard.get(queue, (0.0, 0))
        if time.monotonic() >= until:
            try:
                async with connection_of(self._pool) as connection:
                    row = await (await connection.execute("SELECT slots_of_queue(%s)", [queue])).fetchone()
                found = row[0] if row else 0
            except Unavailable:
                found = 0
            self._heard[queue] = time.monotonic() + _COUNTS_EVERY_S, found
        # Nobody known: one that begins to listen just now.
        return min(found, MOST_BELLS) if found else MOST_BELLS

    def _ring_all(self, by_queue: dict[str, list[Bell]], most: dict[str, int], tenant_ids: list[str]) -> None:
        for queue, bells in by_queue.items():
            lacking = most[queue] - self._bells.waiting(queue) if len(bells) > 1 else 1
            for bell in bells[: max(0, lacking)]:
                self._bells.ring(queue, bell.traceparent)
        # Jobs that were accepted are news to whoever follows their tenant.
        for tenant_id in tenant_ids:
            self._bells.tell([], tenant_id)

    async def _tell_for_ever(self) -> None:
        while True:
            told = [await self._told.get()]
            while len(told) < _MOST_AT_ONCE and not self._told.empty():
                told.append(self._told.get_nowait())
            by_tenant: dict[str | None, list[str]] = {}
            for job_id, tenant_id in told:
                by_tenant.setdefault(tenant_id, []).append(job_id)
            job_ids = [job_id for job_id, _ in told]
            try:
                for tenant_id, some in by_tenant.items():
                    await asyncio.to_thread(self._bells.tell, some, tenant_id)
            except (RedisError, OSError):
                _LOG.debug("readers of %d jobs were not woken; they poll", len(job_ids))
            except Exception as error:  # noqa: BLE001  whatever it was, the next reader must be woken
                _LOG.error("readers of %d jobs were not woken\n%s", len(job_ids), trace_of(error))
