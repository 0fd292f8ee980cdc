"""Ends that come up together are one commit, and each is judged by itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace

import psycopg
import pytest

from impasto.backends.postgres import plain_ends
from impasto.backends.postgres.plain_ends import PlainEnds
from impasto.jobs import ClaimedJob
from impasto.testing.databases import DatabaseUrls
from impasto.testing.processes import eventually
from tests.jobs.conftest import Pool

_TRANSACTIONS = "SELECT count(*), count(DISTINCT xmin::text) FROM job_events WHERE type = 'job.succeeded'"


_BREAK = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%unnest%'
"""


@pytest.fixture
def claimed(queue_of: Callable[..., object], add_job: Callable[..., str]) -> list[ClaimedJob]:
    """Twenty jobs, all running."""
    for _ in range(20):
        add_job()
    jobs = queue_of().claim_some(["pool"], most_pool=20).jobs  # type: ignore[attr-defined]
    assert len(jobs) == 20
    return list(jobs)


@contextmanager
def _stuck(database: DatabaseUrls) -> Iterator[None]:
    """No end can be told meanwhile."""
    with psycopg.connect(database.engine) as connection:
        connection.execute("LOCK TABLE job_events IN SHARE MODE")
        yield


def _end_while_the_first_is_stuck(
    database: DatabaseUrls, ends: PlainEnds, jobs: list[ClaimedJob], results: dict[str, str]
) -> dict[str, Future[bool]]:
    with ThreadPoolExecutor(len(jobs)) as threads, _stuck(database):
        told = {jobs[0].id: threads.submit(ends.succeed, jobs[0], "{}")}
        eventually(lambda: ends._thread is not None and not ends._waiting, "the first is on its way")
        for job in jobs[1:]:
            told[job.id] = threads.submit(ends.succeed, job, results.get(job.id, "{}"))
        eventually(lambda: len(ends._waiting) == len(jobs) - 1, "the others wait for it")
    return told


def test_what_waits_is_ended_in_one_commit(database: DatabaseUrls, pool: Pool, claimed: list[ClaimedJob]) -> None:
    told = _end_while_the_first_is_stuck(database, PlainEnds(pool), claimed, {claimed[3].id: '{"three": 3}'})
    assert all(ended.result() for ended in told.values())
    with pool.connection() as connection:
        assert connection.execute(_TRANSACTIONS).fetchone() == (20, 2)
        found = dict(connection.execute("SELECT id, result FROM jobs WHERE state = 'succeeded'").fetchall())
    assert found == {job.id: {"three": 3} if job is claimed[3] else {} for job in claimed}


def test_a_late_one_among_them_is_refused_and_costs_the_others_nothing(
    database: DatabaseUrls, pool: Pool, claimed: list[ClaimedJob]
) -> None:
    late = replace(claimed[5], epoch=claimed[5].epoch - 1)
    told = _end_while_the_first_is_stuck(database, PlainEnds(pool), [*claimed[:5], late, *claimed[6:]], {})
    assert {job_id for job_id, ended in told.items() if not ended.result()} == {late.id}
    with pool.connection() as connection:
        running = connection.execute("SELECT id FROM jobs WHERE state = 'running'").fetchall()
    assert running == [(late.id,)]


def test_one_that_the_database_does_not_take_costs_the_others_nothing(
    database: DatabaseUrls, pool: Pool, claimed: list[ClaimedJob]
) -> None:
    ends = PlainEnds(pool)
    told = _end_while_the_first_is_stuck(database, ends, claimed, {claimed[7].id: '{"text": "\\u0000"}'})
    # Nobody of that commit was ended: each goes its own way, which is `succeed` by itself.
    left = [job for job in claimed if not told[job.id].result()]
    assert len(left) == 19
    assert [ends.succeed(job, "{}") for job in left if job is not claimed[7]] == [True] * 18
    with pool.connection() as connection:
        assert connection.execute(_TRANSACTIONS).fetchone() == (19, 19)


def test_a_job_that_somebody_holds_is_left_and_not_waited_for(
    database: DatabaseUrls, pool: Pool, claimed: list[ClaimedJob]
) -> None:
    ends = PlainEnds(pool)
    with psycopg.connect(database.engine) as connection:
        connection.execute("SELECT FROM jobs WHERE id = %s FOR UPDATE", [claimed[0].id])
        assert not ends.succeed(claimed[0], "{}")
        assert ends.succeed(claimed[1], "{}")
    assert ends.succeed(claimed[0], "{}")


def test_nobody_waits_for_ever_and_the_thread_goes_home_and_comes_back(
    pool: Pool, claimed: list[ClaimedJob], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plain_ends, "_STAYS_S", 0.01)
    ends = PlainEnds(pool)
    with ThreadPoolExecutor(20) as threads:
        for first in (True, *[False] * 29):  # from the second round on they are late, and are told so
            told = [threads.submit(ends.succeed, job, "{}") for job in claimed]
            assert {ended.result(30) for ended in told} == {first}
            if first:
                eventually(lambda: ends._thread is None, "it goes home")
    assert not ends._waiting


def test_one_that_cannot_be_told_costs_the_others_nothing(pool: Pool, claimed: list[ClaimedJob]) -> None:
    ends, told = PlainEnds(pool), list[bool | Exception]()

    def deaf(_: bool | Exception) -> None:
        raise RuntimeError

    for job in claimed:
        ends.soon(job, "{}", deaf if job is claimed[0] else told.append)
    eventually(lambda: len(told) == 19, "the others are told")
    assert told == [True] * 19


def test_whose_connection_breaks_is_told_and_the_others_go_on(
    database: DatabaseUrls, pool: Pool, claimed: list[ClaimedJob]
) -> None:
    ends = PlainEnds(pool)
    with ThreadPoolExecutor(20) as threads:
        with _stuck(database), psycopg.connect(database.engine, autocommit=True) as connection:
            first = threads.submit(ends.succeed, claimed[0], "{}")
            eventually(lambda: ends._thread is not None and not ends._waiting, "the first is on its way")
            others = [threads.submit(ends.succeed, job, "{}") for job in claimed[1:]]
            eventually(lambda: len(ends._waiting) == 19, "the others wait for it")
            eventually(lambda: connection.execute(_BREAK).fetchall(), "its connection is broken")
            with pytest.raises(psycopg.OperationalError):
                first.result(30)
        assert [ended.result(30) for ended in others] == [True] * 19
    assert ends.succeed(claimed[0], "{}")
