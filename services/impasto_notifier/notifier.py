"""Claims what is due, sends it side by side, and records each attempt. Any number of replicas."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from contextlib import suppress
from typing import Final

import prometheus_client as prometheus
from psycopg import OperationalError
from psycopg_pool import PoolTimeout

from impasto.backends.postgres.deliveries import PostgresDeliveries
from impasto.delivery import ClaimedDelivery, Sender, Vault, deliver
from impasto.faults import trace_of
from impasto.webhooks import Reply, Verdict
from impasto_notifier import limits
from impasto_notifier.figures import ATTEMPTS, IN_FLIGHT, LATE, SECONDS

_LOG = logging.getLogger("impasto.notifier")
_DATABASE_ERRORS: Final = (OperationalError, PoolTimeout, OSError)


class Notifier:
    """`run` goes on until `stop` is set; then what is under way has a grace, and the rest is given back."""

    def __init__(self, deliveries: PostgresDeliveries, sender: Sender, vault: Vault) -> None:
        self._deliveries, self._sender, self._vault = deliveries, sender, vault
        self._busy: Counter[str] = Counter()
        self._under_way: dict[asyncio.Task[None], ClaimedDelivery] = {}
        self._tidied = 0.0
        self.news = asyncio.Event()

    async def run(self, stop: asyncio.Event) -> None:
        stopping = asyncio.create_task(stop.wait())
        try:
            while not stop.is_set():
                started = await self._look()
                # As long as there is more than the caps let through, whoever ends makes room and wakes this loop.
                if not started:
                    await self._rest(stopping)
        finally:
            stopping.cancel()
            await self._leave()

    async def _look(self) -> int:
        """Starts what is due and has room; how many attempts that are. None if the database does not answer."""
        free = limits.MOST_AT_ONCE - len(self._under_way)
        self.news.clear()
        try:
            if time.monotonic() - self._tidied > limits.TIDY_S:
                await self._deliveries.tidy(limits.KEPT_DAYS)
                self._tidied = time.monotonic()
            claimed = await self._deliveries.claim(dict(self._busy), free) if free > 0 else []
        except _DATABASE_ERRORS as error:
            _LOG.warning("nothing is claimed, the database does not answer: %s", type(error).__name__)
            return 0
        except Exception as error:  # noqa: BLE001  whatever it was, webhooks must go out afterwards
            _LOG.error("nothing could be claimed\n%s", trace_of(error))
            return 0
        for delivery, late_s in claimed:
            LATE.observe(late_s)
            self._start(delivery)
        return len(claimed)

    async def _rest(self, stopping: asyncio.Task[bool]) -> None:
        news = asyncio.create_task(self.news.wait())
        await asyncio.wait({news, stopping}, timeout=limits.POLL_S, return_when=asyncio.FIRST_COMPLETED)
        news.cancel()
        # News come in swarms: one look for all of them.
        await asyncio.sleep(limits.SWARM_S)

    def _start(self, delivery: ClaimedDelivery) -> None:
        self._busy[delivery.lane] += 1
        task = asyncio.create_task(self._deliver(delivery))
        self._under_way[task] = delivery
        IN_FLIGHT.inc()
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        delivery = self._under_way.pop(task)
        IN_FLIGHT.dec()
        self._busy[delivery.lane] -= 1
        if not self._busy[delivery.lane]:
            del self._busy[delivery.lane]
        self.news.set()

    async def _deliver(self, delivery: ClaimedDelivery) -> None:
        try:
            await deliver(delivery, self._sender, self._vault, _Insistent(self._deliveries))
        except _DATABASE_ERRORS:
            _LOG.warning("the end of %s could not be recorded; it will be sent again", delivery.id)
        except Exception as error:  # noqa: BLE001  one delivery must not end the others
            _LOG.error("%s could not be sent\n%s", delivery.id, trace_of(error))

    async def _leave(self) -> None:
        if self._under_way:
            await asyncio.wait(self._under_way, timeout=limits.GRACE_S)
        cut_short = dict(self._under_way)
        for task in cut_short:
            task.cancel()
        await asyncio.gather(*cut_short, return_exceptions=True)
        if cut_short:
            with suppress(*_DATABASE_ERRORS):  # their leases end by themselves
                await self._deliveries.give_back(list(cut_short.values()))


class _Insistent:
    """Records over a short absence of the database: what was sent would otherwise be sent twice."""

    def __init__(self, deliveries: PostgresDeliveries) -> None:
        self._deliveries = deliveries

    async def record(self, delivery: ClaimedDelivery, reply: Reply, verdict: Verdict) -> bool:
        how = "delivered" if verdict.delivered else verdict.error or "failed"
        ATTEMPTS.labels(how).inc()
        SECONDS.observe(reply.ms / 1000)
        until = time.monotonic() + limits.RECORD_PATIENCE_S
        while True:
            try:
                return await self._deliveries.record(delivery, reply, verdict)
            except _DATABASE_ERRORS:
                if time.monotonic() > until:
                    raise
                await asyncio.sleep(limits.POLL_S)


def serve_figures(host: str, port: str) -> None:
    """Serves /metrics, if there is a port for it."""
    if port:
        prometheus.start_http_server(int(port), addr=host)
