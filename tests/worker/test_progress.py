"""Progress and previews reach the job of that epoch, and no other."""

from __future__ import annotations

from dataclasses import replace

import psycopg

from impasto.backends.postgres.pools import engine_pool
from impasto.backends.postgres.queue import PostgresQueue
from impasto.jobs import Progress
from impasto.testing.databases import DatabaseUrls
from impasto.testing.processes import eventually
from impasto_worker.progress import ProgressWriter

_INSERT = """INSERT INTO jobs (id, tenant_id, kind, queue, shape, params, run_limit_s)
             VALUES (%s, 'tnt_t', 'test.draw', 'test', 'engine', '{}', 60)"""


def test_progress_and_previews_are_kept_side_by_side_and_an_old_epoch_writes_nothing(database: DatabaseUrls) -> None:
    with psycopg.connect(database.engine, autocommit=True) as connection, engine_pool(database.engine) as pool:
        connection.execute("INSERT INTO tenants (id, name) VALUES ('tnt_t', 't')")
        for job_id in ("job_a", "job_b"):
            connection.execute(_INSERT, [job_id])
        queue = PostgresQueue(pool, worker="w", instance="1", queues=["test"], lease_s=30)
        first, second = queue.claim(["engine"]), queue.claim(["engine"])
        assert first
        assert second
        writer = ProgressWriter(queue)

        def rows() -> list[tuple[object, ...]]:
            query = "SELECT progress->>'fraction', preview FROM jobs ORDER BY id"
            return connection.execute(query).fetchall()

        writer.show(replace(first, epoch=first.epoch - 1), b"old")
        writer.show(first, b"new")
        eventually(lambda: rows() == [(None, b"new"), (None, None)], "a preview without progress")
        writer.tell(first, Progress(fraction=0.5))
        writer.show(second, b"other")
        eventually(lambda: rows() == [("0.5", b"new"), (None, b"other")], "progress leaves the preview alone")
