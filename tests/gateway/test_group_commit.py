"""Jobs that one tenant sends together are one commit, and each gets its own answer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import psycopg
import pytest
from psycopg import DatabaseError
from psycopg.rows import dict_row

from impasto.backends.postgres.pools import api_pool
from impasto.kinds import all_kinds
from impasto.submission import NewJob, new_job, new_job_id
from impasto.testing.databases import DatabaseUrls
from impasto_gateway.group_commit import Accepted, GroupCommit

_WHOSE = "SELECT tenant_id, id FROM jobs"
_BY_TENANT = "SELECT tenant_id, count(*), count(DISTINCT xmin::text) FROM jobs GROUP BY 1 ORDER BY 1"


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def _job(text: str = "a", **rest: Any) -> NewJob:
    return NewJob(id=new_job_id(), kind=all_kinds()["test.stamp"], params={"text": text}, **rest)


@asynccontextmanager
async def _group_commit(database: DatabaseUrls) -> AsyncIterator[GroupCommit]:
    with psycopg.connect(database.engine) as connection:
        connection.execute("INSERT INTO tenants (id, name) VALUES ('tnt_a', 'a'), ('tnt_b', 'b')")
    pool = api_pool(database.api)
    await pool.open()
    try:
        yield GroupCommit(pool)
    finally:
        await pool.close()


async def _sent_together(commits: GroupCommit, jobs: list[tuple[str, NewJob]]) -> list[Accepted | BaseException | None]:
    return await asyncio.gather(*[commits.accept(*each) for each in jobs], return_exceptions=True)


def _rows(database: DatabaseUrls) -> list[tuple[Any, ...]]:
    with psycopg.connect(database.admin) as connection:
        return connection.execute(_BY_TENANT).fetchall()


@pytest.mark.anyio
async def test_what_waits_goes_in_one_commit_and_to_its_own_tenant(database: DatabaseUrls) -> None:
    async with _group_commit(database) as commits:
        jobs = [("tnt_a" if number % 2 else "tnt_b", _job(f"{number}")) for number in range(20)]
        said = await _sent_together(commits, jobs)
    for (_, job), accepted in zip(jobs, said, strict=True):
        assert isinstance(accepted, tuple)
        record, bell = accepted
        assert (record.id, record.params, record.state) == (job.id, job.params, "queued")
        assert bell
        assert bell.queue == "test"
    assert _rows(database) == [("tnt_a", 10, 1), ("tnt_b", 10, 1)]
    with psycopg.connect(database.admin) as connection:
        assert set(connection.execute(_WHOSE).fetchall()) == {(tenant, job.id) for tenant, job in jobs}


@pytest.mark.anyio
async def test_a_key_that_is_taken_is_answered_as_taken(database: DatabaseUrls) -> None:
    async with _group_commit(database) as commits:
        keyed = [_job(idempotency_key="one", request_sha256=b"x") for _ in range(3)]
        said = await _sent_together(commits, [("tnt_a", job) for job in [_job(), *keyed, _job()]])
        again = await commits.accept("tnt_a", _job(idempotency_key="one", request_sha256=b"x"))
        other = await commits.accept("tnt_b", _job(idempotency_key="one", request_sha256=b"x"))
    assert [each is not None for each in said] == [True, True, False, False, True]
    assert again is None
    assert other is not None


@pytest.mark.anyio
async def test_one_that_the_database_does_not_take_costs_the_others_nothing(database: DatabaseUrls) -> None:
    async with _group_commit(database) as commits:
        jobs = [_job(), _job("a"), _job("\0"), _job("b")]
        said = await _sent_together(commits, [("tnt_a", job) for job in jobs])
    assert [isinstance(each, DatabaseError) for each in said] == [False, False, True, False]
    assert [(tenant, count) for tenant, count, _ in _rows(database)] == [("tnt_a", 3)]


@pytest.mark.anyio
async def test_what_comes_during_a_commit_is_the_next_ones_and_whoever_goes_away_takes_nobody_along(
    database: DatabaseUrls,
) -> None:
    async with _group_commit(database) as commits:
        async with await psycopg.AsyncConnection.connect(database.admin) as connection:
            await connection.execute("LOCK TABLE jobs IN SHARE MODE")
            first = asyncio.create_task(commits.accept("tnt_a", _job()))
            while "tnt_a" not in commits._sending or commits._waiting["tnt_a"]:
                await asyncio.sleep(0.01)
            later = [asyncio.create_task(commits.accept("tnt_a", _job())) for _ in range(5)]
            while len(commits._waiting["tnt_a"]) < 5:
                await asyncio.sleep(0.01)
            first.cancel()
            later[0].cancel()
            await connection.rollback()
        assert all(await asyncio.gather(*later[1:]))
        await commits.stop()
        assert not commits._sending
        assert not commits._waiting
    assert first.cancelled()
    # They were sent before they were given up: accepted all the same, as where an answer is lost on its way.
    assert _rows(database) == [("tnt_a", 6, 2)]


@pytest.mark.anyio
async def test_jobs_that_share_a_statement_are_kept_as_one_by_itself_is(database: DatabaseUrls) -> None:
    def rich(number: int) -> NewJob:
        return replace(
            new_job(
                new_job_id(),
                {
                    "kind": "test.draw",
                    "params": {"checkpoint": "c", "prompt": "Füchse \u2028 \\u0041 🦊", "seed": 2**62, "style": None},
                    "priority": -3,
                    "deadline_s": 7200.5,
                    "start_by_s": 3600.25,
                    "start_after_s": 60.125,
                    "no_progress_s": 30.5,
                },
                "00-" + "a" * 32 + "-" + "b" * 16 + "-01",
            ),
            idempotency_key=f"key {number}",
            request_sha256=bytes(range(32)),
        )

    async with _group_commit(database) as commits:
        alone = rich(0)
        assert await commits.accept("tnt_a", alone)
        assert None not in await _sent_together(commits, [("tnt_a", rich(number)) for number in range(1, 4)])
    with psycopg.connect(database.admin, row_factory=dict_row) as connection:
        asked = "SELECT *, xmin::text AS made_by FROM jobs ORDER BY id = %s DESC"
        rows = connection.execute(asked, [alone.id]).fetchall()
    assert len({row["made_by"] for row in rows[1:]}) < 3, "some of them went together"
    for row in rows:
        begun = row["created_at"]
        for name in ("run_after", "finish_by", "start_by"):
            row[name] -= begun
        for name in ("id", "idempotency_key", "made_by", "created_at"):
            del row[name]
    assert rows[1:] == [rows[0]] * 3
    assert rows[0]["affinity"] == "c"
    assert rows[0]["request_sha256"] == bytes(range(32))
