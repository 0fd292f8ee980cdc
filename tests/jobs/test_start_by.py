"""Jobs that must have started by a time: the rule in SQL, with the database's clock."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from impasto.backends.postgres import sweeping
from impasto.backends.postgres.queue import PostgresQueue
from tests.jobs.conftest import Pool


def swept(pool: Pool) -> list[str]:
    with pool.connection() as connection:
        return [moved.job_id for moved in sweeping.fail_not_started(connection)]


def test_a_job_that_has_not_started_in_time_fails_with_that_reason(
    pool: Pool, add_job: Callable[..., str], state_of: Callable[[str], dict[str, Any]]
) -> None:
    late, in_time, unhurried = add_job(start_in_s=-1), add_job(start_in_s=60), add_job()
    assert swept(pool) == [late]
    row = state_of(late)
    assert (row["state"], row["error"]["code"], row["error_code"]) == ("failed", "start_missed", "start_missed")
    assert {state_of(job)["state"] for job in (in_time, unhurried)} == {"queued"}
    assert swept(pool) == []
    with pool.connection() as connection:
        told = connection.execute("SELECT number, type, data FROM job_events WHERE job_id = %s", [late]).fetchall()
    assert told[1:] == [(2, "job.failed", {"code": "start_missed"})]


def test_a_job_that_has_started_may_run_and_wait_again(
    pool: Pool, add_job: Callable[..., str], queue_of: Callable[..., PostgresQueue]
) -> None:
    job_id = add_job(start_in_s=60)
    job = queue_of().claim(["pool"])
    assert job is not None
    with pool.connection() as connection:
        connection.execute("UPDATE jobs SET start_by = now() - interval '1 s' WHERE id = %s", [job_id])
    assert swept(pool) == []
    queue_of().give_back(job, "drained")
    assert swept(pool) == []
