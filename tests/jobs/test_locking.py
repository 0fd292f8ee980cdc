"""Who waits for the rows of several jobs takes them by id, and a lease waits for none."""

from __future__ import annotations

import threading
from collections.abc import Callable

import psycopg
import pytest

from impasto.backends.postgres.queue import PostgresQueue
from impasto.jobs import ClaimedJob, Progress
from impasto.testing.databases import DatabaseUrls
from impasto.testing.processes import eventually


def _tell(queue: PostgresQueue, jobs: list[ClaimedJob]) -> None:
    queue.tell_progress({(job.id, job.epoch): Progress(fraction=0.5) for job in jobs})


@pytest.mark.parametrize("backwards", [False, True])
def test_progress_locks_by_id(
    queue_of: Callable[..., PostgresQueue], add_job: Callable[..., str], database: DatabaseUrls, backwards: bool
) -> None:
    queue = queue_of()
    for _ in range(3):
        add_job()
    jobs = sorted(queue.claim_some(["pool"], most_pool=3).jobs, key=lambda job: job.id, reverse=backwards)
    first, middle, last = sorted(job.id for job in jobs)
    with psycopg.connect(database.engine) as holder, psycopg.connect(database.engine, autocommit=True) as watcher:
        holder.execute("SELECT FROM jobs WHERE id = %s FOR UPDATE", [middle])
        writing = threading.Thread(target=_tell, args=(queue, jobs))
        writing.start()
        waits = "SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        eventually(lambda: watcher.execute(waits).fetchall(), "it waits for the job in the middle")
        free = watcher.execute("SELECT id FROM jobs WHERE state = 'running' FOR UPDATE SKIP LOCKED").fetchall()
        holder.rollback()
        writing.join(10)
    assert first not in [row[0] for row in free]
    assert free == [(last,)]


def test_a_job_whose_row_somebody_holds_keeps_no_other_lease_from_being_renewed(
    queue_of: Callable[..., PostgresQueue], add_job: Callable[..., str], database: DatabaseUrls
) -> None:
    queue = queue_of()
    for _ in range(3):
        add_job()
    ids = sorted(job.id for job in queue.claim_some(["pool"], most_pool=3).jobs)
    leases = "SELECT id FROM jobs WHERE lease_until > %s ORDER BY id"
    with psycopg.connect(database.engine) as holder, psycopg.connect(database.engine, autocommit=True) as watcher:
        ((longest,),) = watcher.execute("SELECT max(lease_until) FROM jobs").fetchall()
        holder.execute("SELECT FROM jobs WHERE id = %s FOR UPDATE", [ids[1]])
        told = queue.renew(ids)
        assert [told[id].renewed for id in ids] == [True, False, True], "it is this worker's all the same"
        assert watcher.execute(leases, [longest]).fetchall() == [(ids[0],), (ids[2],)]
        holder.rollback()
        assert all(renewed.renewed for renewed in queue.renew(ids).values())
        assert watcher.execute(leases, [longest]).fetchall() == [(id,) for id in ids]


def test_a_job_that_is_taken_away_at_this_moment_is_lost_once_it_is(
    queue_of: Callable[..., PostgresQueue], add_job: Callable[..., str], database: DatabaseUrls
) -> None:
    queue = queue_of()
    add_job()
    (job,) = queue.claim_some(["pool"], most_pool=1).jobs
    taken = "UPDATE jobs SET state = 'queued', worker = NULL, worker_instance = NULL, lease_until = NULL WHERE id = %s"
    with psycopg.connect(database.engine) as taker:
        taker.execute(taken, [job.id])
        assert not queue.renew([job.id])[job.id].renewed
        taker.commit()
        assert queue.renew([job.id]) == {}
        assert taker.execute("SELECT lease_until FROM jobs").fetchall() == [(None,)]
