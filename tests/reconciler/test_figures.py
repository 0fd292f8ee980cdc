"""The database's figures as Prometheus reads them, on a real database."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from prometheus_client import CollectorRegistry

from impasto.backends.postgres import figures
from impasto.backends.postgres.pools import engine_pool
from impasto.backends.postgres.queue import PostgresQueue
from impasto.settings import Settings
from impasto.workers import Holding
from impasto_reconciler.figures import Figures
from tests.reconciler.test_sweeper import add_job


class Board:
    """What a scrape shows at this moment."""

    def __init__(self, settings: Settings, pool: Any) -> None:
        self.settings, self.pool = settings, pool

    def read(self, **kept: float) -> CollectorRegistry:
        registry = CollectorRegistry()
        registry.register(Figures(self.pool, **kept))
        return registry

    def value(self, name: str, **labels: str) -> float | None:
        return self.read().get_sample_value(name, labels)

    def sql(self, query: str, values: Any = None) -> None:
        with psycopg.connect(self.settings.engine_database_url) as connection:
            connection.execute(query, values)


@pytest.fixture
def board(settings: Settings) -> Iterator[Board]:
    with engine_pool(settings.engine_database_url) as pool:
        yield Board(settings, pool)


def _worker(board: Board, name: str, queues: list[str]) -> PostgresQueue:
    queue = PostgresQueue(board.pool, worker=name, instance="1", queues=queues, lease_s=30)
    queue.register(host="h", pid=1, device="cpu", slots=2, kinds=["test.stamp"], memory_bytes=1 << 30)
    return queue


def test_open_jobs_are_counted_by_state_and_kind_and_ended_ones_are_not(board: Board) -> None:
    for _ in range(3):
        add_job(board.settings)
    add_job(board.settings, state="running")
    board.sql("UPDATE jobs SET state = 'canceled', finished_at = now() WHERE id = %s", [add_job(board.settings)])
    assert board.value("impasto_jobs", state="queued", kind="test.stamp", queue="test") == 3
    assert board.value("impasto_jobs", state="running", kind="test.stamp", queue="test") == 1
    assert board.value("impasto_queue_jobs", queue="test", state="queued") == 3


def test_the_oldest_is_the_one_that_could_start_first(board: Board) -> None:
    add_job(board.settings, age_s=90)
    add_job(board.settings, age_s=-3600)
    age = board.value("impasto_oldest_queued_seconds", queue="test")
    assert age is not None
    assert 90 <= age < 100


def test_a_queue_whose_jobs_may_not_start_yet_has_no_age(board: Board) -> None:
    add_job(board.settings, age_s=-3600)
    assert board.value("impasto_oldest_queued_seconds", queue="test") == 0


def test_bells_that_wait_are_counted_with_the_age_of_the_oldest(board: Board) -> None:
    assert board.value("impasto_outbox_oldest_seconds") == 0
    for age_s in (5, 50):
        add_job(board.settings, age_s=age_s, bell=True)
    assert board.value("impasto_outbox_unrung") == 2
    assert 50 <= (board.value("impasto_outbox_oldest_seconds") or 0) < 60


def test_workers_are_idle_busy_or_away(board: Board) -> None:
    _worker(board, "idle", ["test"])
    _worker(board, "busy", ["test"]).renew([], Holding(running=1, memory_used_bytes=4096, checkpoints=("ckp_1",)))
    _worker(board, "away", ["test"])
    board.sql("UPDATE workers SET seen_at = now() - interval '10 minutes' WHERE name = 'away'")
    assert board.value("impasto_queue_workers", queue="test", state="idle") == 1
    assert board.value("impasto_queue_workers", queue="test", state="busy") == 1
    assert 600 <= (board.value("impasto_worker_seen_seconds", worker="away") or 0) < 610
    assert board.value("impasto_worker_running", worker="busy") == 1
    assert board.value("impasto_worker_memory_used_bytes", worker="busy") == 4096
    assert board.value("impasto_worker_checkpoints", worker="busy") == 1
    assert board.value("impasto_worker_memory_used_bytes", worker="idle") is None, "it has not told yet"


def test_a_worker_that_said_goodbye_is_not_missed(board: Board) -> None:
    _worker(board, "w", ["test"]).say_goodbye()
    assert board.value("impasto_worker_seen_seconds", worker="w") is None


def test_webhooks_that_are_due_are_counted_and_those_of_later_are_not(board: Board) -> None:
    assert board.value("impasto_webhook_due") == 0
    board.sql("INSERT INTO tenants (id, name) VALUES ('tnt_t', 't')")
    board.sql(
        """INSERT INTO webhook_endpoints (id, tenant_id, url, lane, events, secret, state, disabled_reason, deleted_at)
           VALUES ('whe', 'tnt_t', 'https://example.org', 'l', '{*}', 's', 'active', NULL, NULL),
                  ('pending', 'tnt_t', 'https://example.org', 'l', '{*}', 's', 'pending', NULL, NULL),
                  ('disabled', 'tnt_t', 'https://example.org', 'l', '{*}', 's', 'disabled', 'asked', NULL),
                  ('removed', 'tnt_t', 'https://example.org', 'l', '{*}', NULL, 'active', NULL, now())"""
    )
    board.sql(
        "INSERT INTO webhook_events (id, tenant_id, type, data, occurred_at) VALUES ('evt', 'tnt_t', 'x', '{}', now())"
    )
    for number, late_s in enumerate([-60, 20, 400]):
        board.sql(
            """INSERT INTO webhook_deliveries (id, tenant_id, event_id, endpoint_id, lane, next_at)
               VALUES (%s, 'tnt_t', 'evt', 'whe', 'l', now() - make_interval(secs => %s))""",
            [f"dlv_{number}", late_s],
        )
    board.sql(
        """INSERT INTO webhook_deliveries (id, tenant_id, event_id, endpoint_id, lane, next_at)
           SELECT 'dlv_' || id, 'tnt_t', 'evt', id, 'l', now() - interval '1 day' FROM webhook_endpoints
           WHERE id <> 'whe'"""
    )
    assert board.value("impasto_webhook_due") == 2, "nobody waits for what its endpoint does not get"
    assert 400 <= (board.value("impasto_webhook_oldest_due_seconds") or 0) < 410


def _give_up(board: Board, code: str, *, ago: str = "1 minute") -> str:
    job_id = add_job(board.settings)
    board.sql(
        """UPDATE jobs SET state = 'failed', finished_at = now() - %s::interval,
               error = jsonb_build_object('code', %s::text) WHERE id = %s""",
        [ago, code, job_id],
    )
    return job_id


def test_dead_jobs_are_those_of_a_day_that_were_given_up_and_not_retried(board: Board) -> None:
    labels = {"kind": "test.stamp", "code": "worker_lost"}
    assert board.value("impasto_dead_jobs", **labels) is None
    retried = _give_up(board, "worker_lost")
    _give_up(board, "worker_lost")
    _give_up(board, "worker_lost", ago="25 hours")
    _give_up(board, "value_invalid")
    _give_up(board, "runner_killed")
    assert board.value("impasto_dead_jobs", **labels) == 2
    board.sql("UPDATE jobs SET retry_of = %s WHERE id = %s", [retried, add_job(board.settings)])
    assert board.value("impasto_dead_jobs", **labels) == 1
    assert board.value("impasto_dead_jobs", kind="test.stamp", code="runner_killed") == 1
    assert board.value("impasto_dead_jobs", kind="test.stamp", code="value_invalid") is None


def test_dead_jobs_are_found_by_an_index_of_their_own(board: Board) -> None:
    board.sql("INSERT INTO tenants (id, name) VALUES ('tnt_t', 't')")
    board.sql(
        """INSERT INTO jobs (id, tenant_id, kind, queue, shape, params, state, run_limit_s, finished_at, error)
           SELECT 'job_' || n, 'tnt_t', 'test.stamp', 'test', 'pool', '{}',
                  CASE WHEN n % 1000 = 0 THEN 'failed' ELSE 'succeeded' END, 60, now(),
                  CASE WHEN n % 1000 = 0 THEN '{"code": "worker_lost"}'::jsonb END
           FROM generate_series(1, 20000) n"""
    )
    with board.pool.connection() as connection:
        connection.execute("ANALYZE jobs")
        explained = Explained(connection)
        assert figures.dead_jobs(explained) == [("test.stamp", "worker_lost", 20)]  # type: ignore[arg-type]
    assert "jobs_dead" in explained.plan
    assert "Seq Scan" not in explained.plan


class Explained:
    """A connection that keeps the plan of what it executes."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self._connection, self.plan = connection, ""

    def execute(self, query: str, values: Any = None) -> psycopg.Cursor[Any]:
        self.plan += "\n".join(row[0] for row in self._connection.execute(f"EXPLAIN {query}", values))
        return self._connection.execute(query, values)


def test_orphans_are_stored_artifacts_that_nobody_published_in_a_day(board: Board) -> None:
    board.sql("INSERT INTO tenants (id, name) VALUES ('tnt_t', 't')")
    board.sql(
        """INSERT INTO artifacts (tenant_id, sha256, media_type, size_bytes, stored_at, published_at, touched_at)
           VALUES ('tnt_t', 'old', 'x', 1, now(), NULL, now() - interval '25 hours'),
                  ('tnt_t', 'young', 'x', 1, now(), NULL, now()),
                  ('tnt_t', 'published', 'x', 1, now(), now(), now() - interval '25 hours'),
                  ('tnt_t', 'not stored', 'x', 1, NULL, NULL, now() - interval '25 hours')"""
    )
    assert board.value("impasto_upload_orphans") == 1


def test_storage_is_that_of_artifacts_that_are_there(board: Board) -> None:
    board.sql("INSERT INTO tenants (id, name) VALUES ('tnt_t', 't')")
    board.sql(
        """INSERT INTO artifacts (tenant_id, sha256, media_type, size_bytes, stored_at)
           VALUES ('tnt_t', 'a', 'x', 700, now()), ('tnt_t', 'b', 'x', 50, NULL)"""
    )
    assert board.value("impasto_storage_bytes", place="artifacts") == 700
    assert (board.value("impasto_storage_bytes", place="database") or 0) > 1_000_000


def test_scraping_again_within_the_time_asks_the_database_nothing(board: Board) -> None:
    registry = board.read(kept_s=60)
    assert registry.get_sample_value("impasto_outbox_unrung") == 0
    add_job(board.settings, bell=True)
    assert registry.get_sample_value("impasto_outbox_unrung") == 0
    assert board.read(kept_s=0).get_sample_value("impasto_outbox_unrung") == 1


def test_without_the_database_only_that_is_told() -> None:
    with engine_pool("postgresql://nobody@127.0.0.1:1/nothing") as pool:
        pool.timeout = 0.2
        registry = CollectorRegistry()
        registry.register(Figures(pool))
        names = {metric.name for metric in registry.collect()}
        assert names == {"impasto_database_answers"}
        assert registry.get_sample_value("impasto_database_answers") == 0


def test_counting_reads_the_index_alone_however_many_jobs_have_ended(board: Board) -> None:
    board.sql("INSERT INTO tenants (id, name) VALUES ('tnt_t', 't')")
    board.sql(
        """INSERT INTO jobs (id, tenant_id, kind, queue, shape, params, state, run_limit_s, finished_at)
           SELECT 'job_' || n, 'tnt_t', 'test.stamp', 'test', 'pool', '{}', 'succeeded', 60, now()
           FROM generate_series(1, 20000) n"""
    )
    add_job(board.settings)
    with psycopg.connect(board.settings.engine_database_url) as connection:
        body = connection.execute("SELECT prosrc FROM pg_proc WHERE proname = 'open_jobs'").fetchone()
        assert body is not None
        query = body[0].partition("RETURN QUERY")[2].partition(";")[0]
        plan = "\n".join(row[0] for row in connection.execute("EXPLAIN " + query))
    assert "jobs_open" in plan
    assert "Seq Scan" not in plan
