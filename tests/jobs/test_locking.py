"""Who waits for the rows of several jobs takes them by id: two of them never wait for one another."""

from __future__ import annotations

import threading
from collections.abc import Callable

import psycopg
import pytest

from impasto.backends.postgres.queue import PostgresQueue
from impasto.jobs import ClaimedJob, Progress
from impasto.testing.databases import DatabaseUrls
from impasto.testing.processes import eventually


def _renew(queue: PostgresQueue, jobs: list[ClaimedJob]) -> None:
    queue.renew([job.id for job in jobs])


def _tell(queue: PostgresQueue, jobs: list[ClaimedJob]) -> None:
    queue.tell_progress({(job.id, job.epoch): Progress(fraction=0.5) for job in jobs})


@pytest.mark.parametrize("write", [_renew, _tell])
@pytest.mark.parametrize("backwards", [False, True])
def test_leases_and_progress_lock_by_id(
    queue_of: Callable[..., PostgresQueue],
    add_job: Callable[..., str],
    database: DatabaseUrls,
    write: Callable[[PostgresQueue, list[ClaimedJob]], None],
    backwards: bool,
) -> None:
    queue = queue_of()
    for _ in range(3):
        add_job()
    jobs = sorted(queue.claim_some(["pool"], most_pool=3).jobs, key=lambda job: job.id, reverse=backwards)
    first, middle, last = sorted(job.id for job in jobs)
    with psycopg.connect(database.engine) as holder, psycopg.connect(database.engine, autocommit=True) as watcher:
        holder.execute("SELECT FROM jobs WHERE id = %s FOR UPDATE", [middle])
        writing = threading.Thread(target=write, args=(queue, jobs))
        writing.start()
        waits = "SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        eventually(lambda: watcher.execute(waits).fetchall(), "it waits for the job in the middle")
        free = watcher.execute("SELECT id FROM jobs WHERE state = 'running' FOR UPDATE SKIP LOCKED").fetchall()
        holder.rollback()
        writing.join(10)
    assert first not in [row[0] for row in free]
    assert free == [(last,)]
