"""`jobs.claim_100k_p95_ms`: one claim, from the call to its commit, while 100,000 jobs of 50 tenants wait."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any, Final

import psycopg
from psycopg_pool import ConnectionPool

from bench.rows import Row, keep
from impasto.backends.postgres.pools import engine_pool
from impasto.backends.postgres.queue import PostgresQueue
from impasto.jobs import Shape
from impasto.testing.databases import cloned_database, make_template
from impasto.testing.servers import Servers

JOBS: Final = 100_000
TENANTS: Final = 50
RUNS: Final = 5
CLAIMS: Final = 100
TARGET: Final = 10.0
_SHAPES: Final[list[Shape]] = ["engine", "pool", "run"]

_FILL: Final = """
INSERT INTO tenants (id, name) SELECT 'tnt_' || n, 'tenant ' || n FROM generate_series(0, %(tenants)s - 1) n
"""
# Two kinds; half of the jobs draw, with one of three checkpoints of their tenant; three priorities.
_QUEUE: Final = """
INSERT INTO jobs (id, tenant_id, kind, queue, shape, params, priority, run_limit_s, affinity, run_after)
SELECT 'job_' || lpad(n::text, 26, '0'), 'tnt_' || n %% %(tenants)s,
       CASE n %% 4 WHEN 0 THEN 'generate.stylise' WHEN 1 THEN 'analyse.artwork' ELSE 'generate.text_to_image' END,
       CASE n %% 4 WHEN 1 THEN 'analyse' ELSE 'generate' END, CASE WHEN n %% 4 < 2 THEN 'pool' ELSE 'engine' END,
       '{}', n / 1000 %% 3 - 1, 60,
       CASE WHEN n %% 4 < 2 THEN '' ELSE format('ckp_%%s_%%s', n %% %(tenants)s, n / 100 %% 3) END,
       now() - make_interval(secs => 3600 - n / 100.0)
FROM generate_series(1, %(jobs)s) n
"""
# What a queue without a policy does: the highest priority, then the oldest.
_PEER: Final = """
WITH picked AS (
    SELECT id FROM jobs WHERE state = 'queued' AND queue = ANY(%s) AND shape = ANY(%s) AND run_after <= now()
    ORDER BY priority DESC, id LIMIT 1 FOR UPDATE SKIP LOCKED
), claimed AS (
    UPDATE jobs j SET state = 'running', epoch = epoch + 1, attempts = attempts + 1, worker = 'peer',
        worker_instance = '1', lease_until = now() + interval '30 s', started_at = now(), last_event = last_event + 1
    FROM picked WHERE j.id = picked.id RETURNING j.*
), told AS (
    INSERT INTO job_events (tenant_id, job_id, number, type)
    SELECT tenant_id, id, last_event, 'job.started' FROM claimed
)
SELECT * FROM claimed
"""
_END: Final = "UPDATE jobs SET state = 'succeeded', finished_at = now(), lease_until = NULL WHERE state = 'running'"


def run() -> list[Row]:
    """Alternates the policy and the plain order on one database; every job claimed ends at once, so few run."""
    with Servers() as servers:
        make_template(servers.admin_url)
        with cloned_database(servers.admin_url) as urls, engine_pool(urls.engine, plan_once=True) as pool:
            _fill(urls.admin)
            queues = ["generate", "analyse"]
            queue = PostgresQueue(pool, worker="bench", instance="1", queues=queues, lease_s=30)
            ours: list[float] = []
            peers: list[float] = []
            for _ in range(RUNS):
                ours += _timed(pool, lambda: queue.claim(_SHAPES) is not None)
                peers += _timed(pool, lambda: _peer(pool, queues))
    figure, peer = _p95(ours), _p95(peers)
    return [
        keep(
            Row(
                name="jobs.claim_100k_p95_ms",
                figure=round(figure, 2),
                unit="ms",
                peer="highest priority, then oldest",
                peer_figure=round(peer, 2),
                ratio=round(figure / peer, 2),
                target=TARGET,
                ok=figure <= TARGET,
                runs=RUNS,
            )
        )
    ]


def _fill(admin: str) -> None:
    with psycopg.connect(admin, autocommit=True) as connection:
        connection.execute(_FILL, {"tenants": TENANTS})
        connection.execute(_QUEUE, {"tenants": TENANTS, "jobs": JOBS})
        connection.execute("VACUUM ANALYZE jobs")


def _timed(pool: ConnectionPool[psycopg.Connection[Any]], claim: Callable[[], bool]) -> list[float]:
    """Milliseconds of each claim; what it took ends outside of the measured time, ten at a time."""
    taken = []
    for number in range(CLAIMS):
        began = time.perf_counter()
        assert claim()
        taken.append((time.perf_counter() - began) * 1000)
        if number % 10 == 9:
            with pool.connection() as connection:
                connection.execute(_END)
    return taken


def _peer(pool: ConnectionPool[psycopg.Connection[Any]], queues: list[str]) -> bool:
    with pool.connection() as connection:
        return connection.execute(_PEER, [queues, _SHAPES]).fetchone() is not None


def _p95(taken: list[float]) -> float:
    return statistics.quantiles(taken, n=20)[-1]
