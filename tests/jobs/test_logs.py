"""Log lines under the fence: bounded, in order, of the attempt that has the job."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import psycopg
import pytest

from impasto.backends.postgres.finishing import PostgresFinisher
from impasto.backends.postgres.logs import NewLine, PostgresLogs, log_tail, logs_after
from impasto.backends.postgres.queue import PostgresQueue
from impasto.jobs import ClaimedJob, Shape
from impasto.logs import MOST_LINES, LogLine
from impasto.testing.databases import DatabaseUrls
from impasto.testing.processes import eventually
from impasto_worker.log_writer import LogWriter
from tests.jobs.conftest import Pool

_POOL: list[Shape] = ["pool"]


@pytest.fixture
def claimed(add_job: Callable[..., str], queue_of: Callable[..., PostgresQueue]) -> ClaimedJob:
    add_job()
    job = queue_of().claim(_POOL)
    assert job is not None
    return job


def read(database: DatabaseUrls, job_id: str, after: int = 0, tenant: str = "tnt_test") -> list[LogLine]:
    async def run() -> list[LogLine]:
        async with await psycopg.AsyncConnection.connect(database.api) as connection:
            await connection.execute("SELECT set_config('app.tenant_id', %s, true)", [tenant])
            return await logs_after(connection, job_id, after)

    return asyncio.run(run())


def line(job: ClaimedJob, message: str) -> NewLine:
    return NewLine(job.id, job.epoch, 0.0, "info", message)


def test_lines_come_in_order_and_are_numbered_on(pool: Pool, database: DatabaseUrls, claimed: ClaimedJob) -> None:
    logs = PostgresLogs(pool)
    logs.append([line(claimed, "one"), line(claimed, "two")])
    logs.append([line(claimed, "three")])
    found = read(database, claimed.id)
    assert [(each.number, each.attempt, each.message) for each in found] == [
        (1, 1, "one"), (2, 1, "two"), (3, 1, "three"),
    ]  # fmt: skip
    assert [each.message for each in read(database, claimed.id, after=2)] == ["three"]
    assert read(database, claimed.id, tenant="tnt_other") == []


def test_a_job_keeps_its_last_lines_alone(pool: Pool, database: DatabaseUrls, claimed: ClaimedJob) -> None:
    logs = PostgresLogs(pool)
    for first in range(0, 450, 150):
        logs.append([line(claimed, f"line {number}") for number in range(first, first + 150)])
    found = read(database, claimed.id)
    assert len(found) == MOST_LINES
    assert (found[0].number, found[-1].number, found[-1].message) == (251, 450, "line 449")


def test_an_attempt_that_lost_its_job_says_nothing_more(
    pool: Pool, database: DatabaseUrls, claimed: ClaimedJob, queue_of: Callable[..., PostgresQueue]
) -> None:
    logs = PostgresLogs(pool)
    logs.append([line(claimed, "the first attempt")])
    queue_of().give_back(claimed, "runner_lost")
    second = queue_of().claim(_POOL)
    assert second is not None
    logs.append([line(claimed, "late"), line(second, "the second attempt")])
    assert [(each.attempt, each.message) for each in read(database, claimed.id)] == [
        (1, "the first attempt"), (2, "the second attempt"),
    ]  # fmt: skip


def test_what_an_attempt_said_last_is_kept_after_its_end(
    pool: Pool, database: DatabaseUrls, claimed: ClaimedJob, finisher: PostgresFinisher
) -> None:
    writer = LogWriter(PostgresLogs(pool))
    writer.say_now(claimed, "failed: internal_error", "error")
    assert [each.message for each in read(database, claimed.id)] == ["failed: internal_error"]
    assert finisher.fail(claimed, {"code": "internal_error", "message": "x"})
    writer.say(claimed, "and gone")
    eventually(lambda: len(read(database, claimed.id)) == 2, "the last line is written")


def test_a_writer_whose_database_is_away_keeps_the_last_lines(
    pool: Pool, database: DatabaseUrls, claimed: ClaimedJob
) -> None:
    class Away:
        away = True

        def append(self, lines: list[NewLine]) -> None:
            if self.away:
                raise psycopg.OperationalError("away")
            PostgresLogs(pool).append(lines)

    away = Away()
    writer = LogWriter(away)  # type: ignore[arg-type]
    for number in range(MOST_LINES + 50):
        writer.say(claimed, f"line {number}")
    away.away = False
    eventually(lambda: len(read(database, claimed.id)) == MOST_LINES, "what was kept is written")
    assert read(database, claimed.id)[-1].message == f"line {MOST_LINES + 49}"


def test_a_tail_is_the_last_lines_in_order(pool: Pool, database: DatabaseUrls, claimed: ClaimedJob) -> None:
    PostgresLogs(pool).append([line(claimed, str(number)) for number in range(30)])

    async def run() -> list[LogLine]:
        async with await psycopg.AsyncConnection.connect(database.api) as connection:
            await connection.execute("SELECT set_config('app.tenant_id', 'tnt_test', true)")
            return await log_tail(connection, claimed.id, 3)

    assert [each.message for each in asyncio.run(run())] == ["27", "28", "29"]
