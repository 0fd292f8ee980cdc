"""Lists of jobs: the same whatever index they are read from, and no longer for what is rare."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from typing import Any

import psycopg
import pytest

from impasto.backends.postgres.jobs import list_jobs
from impasto.jobs import JobRecord
from impasto.testing.databases import DatabaseUrls
from tests.jobs.conftest import Pool

# Newest first: half of it waits; what was canceled, and what is of a rare kind, is among the oldest.
_FILL = """
INSERT INTO jobs (id, tenant_id, kind, queue, shape, params, state, run_limit_s, error, lease_until, finished_at)
SELECT 'job_' || lpad(to_hex(n), 26, '0'), CASE WHEN n % 5 = 0 THEN 'tnt_other' ELSE 'tnt_test' END,
       CASE WHEN n < 300 AND n % 7 = 0 THEN 'rare' WHEN n % 2 = 0 THEN 'even' ELSE 'odd' END,
       'q', 'pool', '{}', state, 60,
       CASE WHEN state IN ('failed', 'canceled')
            THEN jsonb_build_object('code', CASE WHEN n % 11 = 0 THEN 'worker_lost' ELSE 'canceled' END) END,
       CASE state WHEN 'running' THEN now() END,
       CASE WHEN state IN ('succeeded', 'failed', 'canceled') THEN now() END
FROM (SELECT n, CASE WHEN n > 10000 THEN 'queued' WHEN n < 400 AND n % 3 = 0 THEN 'canceled'
                     WHEN n % 11 = 0 THEN 'failed' WHEN n % 1001 = 0 THEN 'running' ELSE 'succeeded' END AS state
      FROM generate_series(1, 20000) AS n) AS made
"""
FILTERS = [
    {},
    *({"state": state} for state in ("queued", "running", "succeeded", "failed", "canceled")),
    *({"kind": kind} for kind in ("rare", "even", "none")),
    {"state": "canceled", "kind": "rare"},
    {"state": "queued", "kind": "rare"},
    {"state": "succeeded", "kind": "odd"},
    {"code": "worker_lost"},
    {"code": "worker_lost", "kind": "rare"},
    {"code": "worker_lost", "state": "queued"},
]


@pytest.fixture
def many(pool: Pool, tenant: str, database: DatabaseUrls) -> DatabaseUrls:
    """Twenty thousand jobs of two tenants."""
    with psycopg.connect(database.admin, autocommit=True) as connection:
        connection.execute("INSERT INTO tenants (id, name) VALUES ('tnt_other', 'other')")
        connection.execute(_FILL)
        connection.execute("VACUUM ANALYZE jobs")
    assert tenant == "tnt_test"
    return database


def asked(urls: DatabaseUrls, ask: Callable[[psycopg.AsyncConnection[Any]], Awaitable[Any]]) -> Any:
    """As the tenant."""

    async def run() -> Any:
        async with await psycopg.AsyncConnection.connect(urls.api) as connection:
            await connection.execute("SELECT set_config('app.tenant_id', 'tnt_test', true)")
            return await ask(connection)

    return asyncio.run(run())


def page(filters: dict[str, str], before: str | None, most: int = 150) -> Callable[..., Awaitable[list[JobRecord]]]:
    wanted = {"state": filters.get("state"), "kind": filters.get("kind"), "code": filters.get("code")}
    return lambda connection: list_jobs(connection, before=before, most=most, **wanted)  # type: ignore[arg-type]


def test_every_list_is_whole_in_order_and_the_tenants_own(many: DatabaseUrls, pool: Pool) -> None:
    for filters in FILTERS:
        wanted = {**filters} if "code" not in filters else {"state": "failed", **filters}
        with pool.connection() as connection:
            rows = connection.execute(
                """SELECT id FROM jobs WHERE tenant_id = 'tnt_test' AND (%(state)s::text IS NULL OR state = %(state)s)
                   AND (%(kind)s::text IS NULL OR kind = %(kind)s)
                   AND (%(code)s::text IS NULL OR (error->>'code' = %(code)s AND state = 'failed')) ORDER BY id DESC""",
                {"state": None, "kind": None, "code": None, **wanted},
            ).fetchall()
        ids = [row[0] for row in rows]
        for start in (0, 100, len(ids) // 2):
            before = ids[start - 1] if 0 < start <= len(ids) else None
            found = asked(many, page(filters, before))
            expected = ids[start : start + 150] if before else ids[:150]
            assert [job.id for job in found] == expected, (filters, start)


def test_no_list_reads_jobs_that_are_not_in_it(many: DatabaseUrls) -> None:
    for filters in FILTERS:
        for before in (None, f"job_{5000:026x}"):
            explained = _Explained()
            asked(many, lambda connection, f=filters, b=before, e=explained: page(f, b)(e.on(connection)))
            passed = re.findall(r"Rows Removed by (?:Filter|Index Recheck): (\d+)", explained.plan)
            assert "Seq Scan" not in explained.plan
            assert sum(map(int, passed)) < 50, (filters, before, explained.plan)


class _Explained:
    """A connection that gives no rows and keeps the plan of the query, as it went."""

    plan = ""

    def on(self, connection: psycopg.AsyncConnection[Any]) -> Any:
        self._connection = connection
        return self

    async def execute(self, query: str, values: dict[str, Any], **how: Any) -> Any:
        cursor = await self._connection.execute("EXPLAIN (ANALYZE) " + query, values, **how)  # type: ignore[arg-type]
        self.plan = "\n".join([row[0] for row in await cursor.fetchall()])
        return self

    async def fetchall(self) -> list[Any]:
        return []
