"""Claims what is due, sends it side by side, and records each attempt. Any number of replicas."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable
from contextlib import suppress

import prometheus_client as prometheus

from impasto.backends.postgres.deliveries import PostgresDeliveries
from impasto.delivery import ClaimedDelivery, Sender, Vault
from impasto.faults import trace_of
from impasto_notifier import limits
from impasto_notifier.breaker import Breaker
from impasto_notifier.figures import IN_FLIGHT, LATE
from impasto_notifier.recording import DATABASE_ERRORS, Insistent
from impasto_notifier.tracing import deliver_traced

_LOG = logging.getLogger("impasto.notifier")


class Notifier:
    """`run` goes on until `stop` is set; then what is under way has a grace, and the rest is given back.

    `on_look` is called before each look for what is due, at least once in some seconds unless one hangs.
    """

    def __init__(
        self, deliveries: PostgresDeliveries, sender: Sender, vault: Vault, on_look: Callable[[], None] = lambda: None
    ) -> None:
        self._deliveries, self._sender, self._vault, self._on_look = deliveries, sender, vault, on_look
        self._lanes: Counter[str] = Counter()
        self._tenants: Counter[str] = Counter()
        self._breaker = Breaker()
        self._under_way: dict[asyncio.Task[None], ClaimedDelivery] = {}
        self.news = asyncio.Event()

    async def run(self, stop: asyncio.Event) -> None:
        stopping, tidying = asyncio.create_task(stop.wait()), asyncio.create_task(self._tidy_for_ever())
        try:
            while not stop.is_set():
                self._on_look()
                started = await self._look()
                # As long as there is more than the caps let through, whoever ends makes room and wakes this loop.
                if not started:
                    await self._rest(stopping)
        finally:
            stopping.cancel()
            tidying.cancel()
            await asyncio.gather(tidying, return_exceptions=True)
            await self._leave()

    async def _look(self) -> int:
        """Starts what is due and has room; how many attempts that are; 0 if the database does not answer."""
        free = limits.MOST_AT_ONCE - len(self._under_way)
        self.news.clear()
        try:
            if held := self._breaker.held():
                await self._deliveries.defer(held)
            lanes = self._breaker.taken(self._lanes)
            claimed = await self._deliveries.claim(lanes, dict(self._tenants), free) if free > 0 else []
        except DATABASE_ERRORS as error:
            _LOG.warning("nothing is claimed, the database does not answer: %s", type(error).__name__)
            return 0
        except Exception as error:  # noqa: BLE001  whatever it was, webhooks must go out afterwards
            _LOG.error("nothing could be claimed\n%s", trace_of(error))
            return 0
        for delivery, late_s in claimed:
            LATE.observe(late_s)
            self._start(delivery)
        return len(claimed)

    async def _tidy_for_ever(self) -> None:
        # Beside the claims: a long log may take its time to be forgotten.
        while True:
            self._breaker.forget()
            try:
                await self._deliveries.tidy(limits.KEPT_DAYS)
            except DATABASE_ERRORS as error:
                _LOG.warning("nothing is tidied, the database does not answer: %s", type(error).__name__)
            except Exception as error:  # noqa: BLE001  the next round may go well
                _LOG.error("could not tidy\n%s", trace_of(error))
            await asyncio.sleep(limits.TIDY_S)

    async def _rest(self, stopping: asyncio.Task[bool]) -> None:
        news = asyncio.create_task(self.news.wait())
        await asyncio.wait({news, stopping}, timeout=limits.POLL_S, return_when=asyncio.FIRST_COMPLETED)
        news.cancel()
        # News come in swarms: one look for all of them.
        await asyncio.sleep(limits.SWARM_S)

    def _start(self, delivery: ClaimedDelivery) -> None:
        self._lanes[delivery.lane] += 1
        self._tenants[delivery.tenant_id] += 1
        task = asyncio.create_task(self._deliver(delivery))
        self._under_way[task] = delivery
        IN_FLIGHT.inc()
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        delivery = self._under_way.pop(task)
        IN_FLIGHT.dec()
        for count, name in ((self._lanes, delivery.lane), (self._tenants, delivery.tenant_id)):
            count[name] -= 1
            if not count[name]:
                del count[name]
        self.news.set()

    async def _deliver(self, delivery: ClaimedDelivery) -> None:
        try:
            verdict = await deliver_traced(delivery, self._sender, self._vault, Insistent(self._deliveries))
            self._breaker.heard(delivery.lane, verdict.error)
        except DATABASE_ERRORS:
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
            with suppress(*DATABASE_ERRORS):  # their leases end by themselves
                await self._deliveries.give_back(list(cut_short.values()))


def serve_figures(host: str, port: str) -> None:
    """Serves /metrics, if there is a port for it."""
    if port:
        prometheus.start_http_server(int(port), addr=host)
