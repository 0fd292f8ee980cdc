"""A queue on a database of this test alone, and jobs in it, without any process."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest
from psycopg.types.json import Jsonb
from psycopg_pool import ConnectionPool

from impasto.backends.postgres.finishing import PostgresFinisher
from impasto.backends.postgres.pools import engine_pool
from impasto.backends.postgres.queue import PostgresQueue
from impasto.identifiers import new_id
from impasto.testing.databases import DatabaseUrls

Pool = ConnectionPool[psycopg.Connection[Any]]


@pytest.fixture
def pool(database: DatabaseUrls) -> Iterator[Pool]:
    with engine_pool(database.engine, most=8) as opened:
        yield opened


@pytest.fixture
def tenant(pool: Pool) -> str:
    with pool.connection() as connection:
        connection.execute("INSERT INTO tenants (id, name) VALUES ('tnt_test', 'test')")
    return "tnt_test"


@pytest.fixture
def queue_of(pool: Pool) -> Callable[..., PostgresQueue]:
    """A queue as seen by a worker of that name and life."""

    def make(worker: str = "w", instance: str = "1", lease_s: float = 30.0) -> PostgresQueue:
        return PostgresQueue(pool, worker=worker, instance=instance, queues=["test"], lease_s=lease_s)

    return make


@pytest.fixture
def finisher(pool: Pool) -> PostgresFinisher:
    return PostgresFinisher(pool)


@pytest.fixture
def add_job(pool: Pool, tenant: str) -> Callable[..., str]:
    """Puts a job into the queue, as the inbox does."""

    def add(
        *,
        priority: int = 0,
        shape: str = "pool",
        delay_s: float = 0,
        finish_in_s: float | None = None,
        start_in_s: float | None = None,
    ) -> str:
        job_id = new_id("job")
        with pool.connection() as connection:
            connection.execute(
                """INSERT INTO jobs (id, tenant_id, kind, queue, shape, params, priority, run_after, run_limit_s,
                                     finish_by, start_by, last_event)
                   VALUES (%s, %s, 'test.stamp', 'test', %s, %s, %s, now() + make_interval(secs => %s), 60,
                           now() + make_interval(secs => %s), now() + make_interval(secs => %s), 1)""",
                [job_id, tenant, shape, Jsonb({"text": "x"}), priority, delay_s, finish_in_s, start_in_s],
            )
            connection.execute(
                """INSERT INTO job_events (tenant_id, job_id, number, type, data)
                   VALUES (%s, %s, 1, 'job.queued', '{"kind": "test.stamp"}')""",
                [tenant, job_id],
            )
        return job_id

    return add


@pytest.fixture
def state_of(pool: Pool) -> Callable[[str], dict[str, Any]]:
    """A job's row."""

    def look(job_id: str) -> dict[str, Any]:
        with pool.connection() as connection, connection.cursor(row_factory=psycopg.rows.dict_row) as cursor:
            row = cursor.execute("SELECT * FROM jobs WHERE id = %s", [job_id]).fetchone()
        assert row is not None
        return row

    return look
