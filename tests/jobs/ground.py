"""The queue's real parts for the state machine: PostgreSQL under both roles, Redis, the classes of production.

Time is moved by hand: everything that has a time was so much earlier. What has ended stays as it is.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final, TypeVar

import redis
from psycopg import AsyncConnection
from psycopg.rows import dict_row

from impasto.backends.bells import KEY_PREFIX, Bells
from impasto.backends.objects import S3Objects
from impasto.backends.postgres.artifacts import PostgresArtifacts
from impasto.backends.postgres.finishing import PostgresFinisher
from impasto.backends.postgres.pools import api_pool, engine_pool, tenant_transaction
from impasto.settings import Settings
from impasto.submission import Bell
from impasto_reconciler.sweeps import Sweeper

T = TypeVar("T")
QUEUE: Final = "test"

# Deleted and not truncated, which takes longer for so few rows. Jobs take what belongs to them with them.
_CLEAR: Final = """
DELETE FROM lineage_edges; DELETE FROM artifacts; DELETE FROM outbox; DELETE FROM job_events; DELETE FROM jobs;
DELETE FROM tenant_shares; DELETE FROM tenant_days; DELETE FROM tenant_storage; DELETE FROM workers;
DELETE FROM tenants;
"""
_MOVE: Final = """
UPDATE jobs SET created_at = created_at - {0}, run_after = run_after - {0}, start_by = start_by - {0},
    finish_by = finish_by - {0}, claimed_at = claimed_at - {0}, started_at = started_at - {0},
    lease_until = lease_until - {0}
WHERE state IN ('queued', 'running');
UPDATE outbox SET created_at = created_at - {0};
UPDATE tenant_shares SET used_at = used_at - {0};
UPDATE workers SET seen_at = seen_at - {0};
"""


class Ground:
    """One database and one Redis number; `clear` makes it new."""

    def __init__(self, settings: Settings) -> None:
        self.pool = engine_pool(settings.engine_database_url, most=4, plan_once=True)
        self.bells = Bells(settings.redis_url)
        self.redis = redis.Redis.from_url(settings.redis_url)
        self.sweeper = Sweeper(self.pool, self.bells, S3Objects(settings), grace_s=0)
        self.finisher, self.artifacts = PostgresFinisher(self.pool), PostgresArtifacts(self.pool)
        self._loop = asyncio.Runner()
        self._api = api_pool(settings.database_url, most=2)
        self._loop.run(self._api.open())
        self._moved_s = 0.0

    def close(self) -> None:
        self._loop.run(self._api.close())
        self._loop.close()
        self.pool.close()

    @property
    def now(self) -> float:
        """Seconds, as the rows see them pass."""
        return self._moved_s + time.monotonic()

    def clear(self, tenants: dict[str, int | None]) -> None:
        """Nothing but these tenants, with their caps."""
        self.redis.flushdb()
        with self.pool.connection() as connection:
            connection.execute(_CLEAR)
            for tenant, cap in tenants.items():
                connection.execute(
                    "INSERT INTO tenants (id, name, running_cap) VALUES (%s, %s, %s)", [tenant, tenant, cap]
                )

    def pass_time(self, seconds: float) -> None:
        self._moved_s += seconds
        with self.pool.connection() as connection:
            connection.execute(_MOVE.format(f"make_interval(secs => {seconds})"))

    def as_tenant(self, tenant: str, action: Callable[[AsyncConnection[Any]], Awaitable[T]]) -> T:
        """What a request of the tenant does in its transaction."""

        async def request() -> T:
            async with tenant_transaction(self._api, tenant) as connection:
                return await action(connection)

        return self._loop.run(request())

    def ring(self, tenant: str, bells: list[Bell]) -> None:
        """As the gateway does after its answer."""
        for bell in bells:
            self.bells.ring(bell.queue)

        async def forget(connection: AsyncConnection[Any]) -> None:
            await connection.execute("DELETE FROM outbox WHERE id = ANY(%s)", [[bell.outbox_id for bell in bells]])

        self.as_tenant(tenant, forget)

    def hear(self) -> bool:
        """Takes a bell, if there is one."""
        return self.redis.rpop(KEY_PREFIX + QUEUE) is not None

    @contextmanager
    def busy(self, job_id: str | None) -> Iterator[None]:
        """Somebody is in the middle of writing this job."""
        with self.pool.connection() as connection:
            if job_id:
                connection.execute("SELECT FROM jobs WHERE id = %s FOR UPDATE", [job_id])
            yield

    def look(self, query: str) -> list[dict[str, Any]]:
        with self.pool.connection() as connection, connection.cursor(row_factory=dict_row) as cursor:
            rows: list[dict[str, Any]] = cursor.execute(query).fetchall()
            return rows
