"""The tables of deliveries without any process: rows as they would have come about, and a notifier's hands on them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import psycopg
from psycopg.types.json import Jsonb

from impasto.backends.gate import ResolvingGate
from impasto.backends.pinned_sender import PinnedSender
from impasto.backends.postgres.deliveries import PostgresDeliveries
from impasto.backends.postgres.pools import api_pool
from impasto.backends.sealing import SealedVault
from impasto.delivery import ClaimedDelivery
from impasto.identifiers import new_id
from impasto.webhooks import Reply, judge
from impasto_notifier import limits
from impasto_notifier.notifier import Notifier

T = TypeVar("T")
KEY = "only-for-tests-" * 3


@dataclass
class Rows:
    """Written and read as role impasto_engine."""

    url: str

    def sql(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.url, autocommit=True) as connection:
            cursor = connection.execute(query, values)
            return cursor.fetchall() if cursor.description else []

    def tenant(self, name: str) -> str:
        self.sql("INSERT INTO tenants (id, name) VALUES (%s, %s) ON CONFLICT DO NOTHING", f"tnt_{name}", name)
        return f"tnt_{name}"

    def endpoint(self, tenant: str, url: str = "https://8.8.8.8/", **columns: Any) -> str:
        endpoint_id = new_id("whk")
        secret = SealedVault(KEY).seal(b"s" * 32)
        self.sql(
            """INSERT INTO webhook_endpoints (id, tenant_id, url, lane, events, secret, state)
               VALUES (%s, %s, %s, %s, '{*}', %s, 'active')""",
            endpoint_id, tenant, url, endpoint_id, secret,
        )  # fmt: skip
        self.change(endpoint_id, **columns)
        return endpoint_id

    def change(self, endpoint_id: str, **columns: Any) -> None:
        for name, value in columns.items():
            self.sql(f"UPDATE webhook_endpoints SET {name} = %s WHERE id = %s", value, endpoint_id)  # type: ignore[arg-type]

    def deliveries(
        self, endpoint_id: str, count: int = 1, *, type: str = "job.failed", lanes: int = 0, days_old: float = 0,
        attempt: int = 1, state: str = "waiting",
    ) -> list[str]:  # fmt: skip
        """Of an event each, due since it happened; in lanes of their own, if `lanes`. The ids of their events."""
        events = [new_id("evt") for _ in range(count)]
        with psycopg.connect(self.url) as connection, connection.cursor() as cursor:
            cursor.executemany(
                """INSERT INTO webhook_events (id, tenant_id, type, data, occurred_at)
                   SELECT %s, tenant_id, %s, %s, now() - make_interval(secs => %s)
                   FROM webhook_endpoints WHERE id = %s""",
                [(event, type, Jsonb({}), days_old * 86400, endpoint_id) for event in events],
            )
            cursor.executemany(
                """INSERT INTO webhook_deliveries (id, tenant_id, event_id, endpoint_id, lane, attempt, state, next_at,
                                                   finished_at)
                   SELECT %s, v.tenant_id, v.id, %s, coalesce(%s, %s), %s, %s, v.occurred_at,
                          CASE WHEN %s <> 'waiting' THEN v.occurred_at END FROM webhook_events v WHERE v.id = %s""",
                [
                    (new_id("dlv"), endpoint_id, f"lane-{n % lanes}-{endpoint_id}" if lanes else None, endpoint_id,
                     attempt, state, state, event)
                    for n, event in enumerate(events)
                ],
            )  # fmt: skip
        return events

    def job(self, tenant: str, *, ended_days_ago: float | None) -> str:
        job_id = new_id("job")
        self.sql(
            """INSERT INTO jobs (id, tenant_id, kind, queue, shape, params, run_limit_s, last_event, state, finished_at)
               VALUES (%s, %s, 'test.stamp', 'test', 'pool', '{}', 60, 1, %s, now() - make_interval(secs => %s))""",
            job_id, tenant, "queued" if ended_days_ago is None else "canceled",
            None if ended_days_ago is None else ended_days_ago * 86400,
        )  # fmt: skip
        return job_id

    def one(self, endpoint_id: str, columns: str) -> tuple[Any, ...]:
        return self.sql(f"SELECT {columns} FROM webhook_endpoints WHERE id = %s", endpoint_id)[0]

    def with_deliveries(self, use: Callable[[PostgresDeliveries], Awaitable[T]]) -> T:
        """Calls it with a ledger that is open meanwhile."""

        async def run() -> T:
            async with api_pool(self.url, most=4) as pool:
                return await use(_ledger(pool))

        return asyncio.run(run())

    def claim(self, most: int = 200, **busy: dict[str, int]) -> list[ClaimedDelivery]:
        async def ask(ledger: PostgresDeliveries) -> list[ClaimedDelivery]:
            found = await ledger.claim(busy.get("lanes", {}), busy.get("tenants", {}), most)
            return [delivery for delivery, _ in found]

        return self.with_deliveries(ask)

    def record(self, delivery: ClaimedDelivery, status: int) -> bool:
        reply = Reply(1, status)
        return self.with_deliveries(lambda ledger: ledger.record(delivery, reply, judge(delivery.attempt, reply)))

    def tidy(self) -> None:
        self.with_deliveries(lambda ledger: ledger.tidy(limits.KEPT_DAYS))

    def notify_until(
        self, done: Callable[[], object], *, gate: ResolvingGate | None = None, total_s: float = 20
    ) -> None:
        """Lets a notifier of this process send until that is so."""

        async def run() -> None:
            sender, stop = PinnedSender(gate or ResolvingGate(anywhere=True), total_s=total_s), asyncio.Event()
            async with api_pool(self.url, most=4) as pool:
                running = asyncio.create_task(Notifier(_ledger(pool), sender, SealedVault(KEY)).run(stop))
                try:
                    async with asyncio.timeout(30):
                        while not await asyncio.to_thread(done):
                            await asyncio.sleep(0.05)
                finally:
                    stop.set()
                    await running
                    await sender.close()

        asyncio.run(run())


def _ledger(pool: Any) -> PostgresDeliveries:
    return PostgresDeliveries(
        pool, lease_s=limits.LEASE_S, cap=limits.MOST_OF_A_LANE, tenant_cap=limits.MOST_OF_A_TENANT
    )
