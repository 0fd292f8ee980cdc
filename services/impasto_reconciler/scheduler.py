"""Submits what is due. Any number of replicas: each due time becomes one job."""

from __future__ import annotations

import asyncio
import logging
import threading
from typing import Any, Final

from kombu.exceptions import OperationalError as BrokerError
from prometheus_client import Counter
from psycopg import AsyncConnection, OperationalError
from psycopg_pool import AsyncConnectionPool, PoolTimeout
from redis.exceptions import RedisError

from impasto.backends.bells import Bells
from impasto.backends.cron import CronCalendar
from impasto.backends.postgres.pools import api_pool
from impasto.backends.postgres.scheduling import PostgresScheduling, Ran
from impasto.errors import Unavailable
from impasto.faults import trace_of
from impasto.submission import Bell

_LOG = logging.getLogger("impasto.scheduler")
# A schedule that was just made is seen after so long; one that is known is met at its time.
_LOOKS_EVERY_S: Final = 1.0

RUNS: Final = Counter("impasto_schedule_runs", "Times that schedules met, by what became of them", ["outcome"])


class Scheduler:
    """A thread with an event loop of its own, as submitting is the gateway's code."""

    def __init__(self, engine_database_url: str, bells: Bells) -> None:
        self._url, self._bells = engine_database_url, bells
        self._ended = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), name="scheduler", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Ends after the time that is being met."""
        self._ended.set()
        self._thread.join(timeout=10)

    async def _run(self) -> None:
        async with api_pool(self._url, most=2) as pool:
            scheduling = PostgresScheduling(pool, CronCalendar)
            while not self._ended.is_set():
                await asyncio.sleep(await self._round(pool, scheduling))

    async def _round(self, pool: AsyncConnectionPool[AsyncConnection[Any]], scheduling: PostgresScheduling) -> float:
        """Meets all that is due; seconds until it is time to look again."""
        try:
            while not self._ended.is_set() and (ran := await scheduling.run_one()):
                await self._tell(pool, ran)
            next_s = await scheduling.next_in_s()
        except (OperationalError, PoolTimeout, Unavailable) as error:
            _LOG.warning("schedules wait, the database does not answer: %s", type(error).__name__)
            return _LOOKS_EVERY_S
        except Exception as error:  # noqa: BLE001  without this loop nothing would be submitted any more
            _LOG.error("schedules could not be met\n%s", trace_of(error))
            return _LOOKS_EVERY_S
        return _LOOKS_EVERY_S if next_s is None else min(_LOOKS_EVERY_S, max(0.0, next_s))

    async def _tell(self, pool: AsyncConnectionPool[AsyncConnection[Any]], ran: Ran) -> None:
        RUNS.labels(ran.outcome).inc()
        if ran.error:
            _LOG.warning("schedule %s: %s, %s", ran.schedule_id, ran.outcome, ran.error.get("code"))
        if ran.bell:
            await self._ring(pool, ran.bell)

    async def _ring(self, pool: AsyncConnectionPool[AsyncConnection[Any]], bell: Bell) -> None:
        """At once; what cannot be rung stays in the outbox for the next sweep."""
        try:
            await asyncio.to_thread(self._bells.ring, bell.queue, bell.traceparent)
            async with pool.connection() as connection:
                await connection.execute("DELETE FROM outbox WHERE id = %s", [bell.outbox_id])
        except (BrokerError, RedisError, OSError) as error:
            _LOG.warning("a bell for %s stays in the outbox: %s", bell.queue, type(error).__name__)
