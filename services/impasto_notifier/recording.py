"""Records attempts, over a short absence of the database too."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import Final

from psycopg import OperationalError
from psycopg_pool import PoolTimeout

from impasto.backends.postgres.deliveries import PostgresDeliveries
from impasto.backends.telemetry import spans
from impasto.delivery import ClaimedDelivery
from impasto.webhooks import Reply, Verdict
from impasto_notifier import limits
from impasto_notifier.figures import ATTEMPTS, SECONDS

_LOG: Final = logging.getLogger("impasto.notifier")
DATABASE_ERRORS: Final = (OperationalError, PoolTimeout, OSError)


class Insistent:
    """Satisfies `impasto.delivery.Ledger`: what was sent and not recorded would be sent twice."""

    def __init__(self, deliveries: PostgresDeliveries) -> None:
        self._deliveries = deliveries

    async def record(self, delivery: ClaimedDelivery, reply: Reply, verdict: Verdict) -> bool:
        how = "delivered" if verdict.delivered else verdict.error or "failed"
        ATTEMPTS.labels(how).inc()
        SECONDS.observe(reply.ms / 1000)
        # Every attempt that went well is a line only for whoever looks.
        _LOG.log(
            logging.DEBUG if verdict.delivered else logging.INFO,
            "%s, attempt %d: %s in %d ms", delivery.event.type, delivery.attempt, how, reply.ms,
        )  # fmt: skip
        if reply.status and spans.recorded():
            spans.current().set({"http.response.status_code": reply.status})
        until = time.monotonic() + limits.RECORD_PATIENCE_S
        while True:
            try:
                return await self._deliveries.record(delivery, reply, verdict)
            except DATABASE_ERRORS:
                if time.monotonic() > until:
                    raise
                await asyncio.sleep(limits.POLL_S)
