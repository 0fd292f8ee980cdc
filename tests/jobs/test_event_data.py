"""Every event that the platform writes holds what its type says, and nothing else."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import psycopg

from impasto.backends.postgres.finishing import PostgresFinisher
from impasto.backends.postgres.jobs import request_cancel
from impasto.backends.postgres.queue import PostgresQueue
from impasto.backends.postgres.retrying import retry_jobs
from impasto.events import EVENT_DATA, EventData, data_of
from impasto.jobs import EVENT_TYPES, JobEvent, Shape
from impasto.testing.databases import DatabaseUrls
from tests.jobs.conftest import Pool

_POOL: list[Shape] = ["pool"]


def in_tenant(database: DatabaseUrls, tenant: str, call: Callable[[Any], Any]) -> None:
    async def run() -> None:
        async with await psycopg.AsyncConnection.connect(database.api) as connection:
            await connection.execute("SELECT set_config('app.tenant_id', %s, true)", [tenant])
            await call(connection)

    asyncio.run(run())


def test_what_events_hold_is_what_their_types_say(
    database: DatabaseUrls,
    pool: Pool,
    tenant: str,
    add_job: Callable[..., str],
    queue_of: Callable[..., PostgresQueue],
    finisher: PostgresFinisher,
) -> None:
    queue = queue_of()
    add_job()
    job = queue.claim(_POOL)
    assert job is not None
    queue.give_back(job, "runner_lost")
    job = queue.claim(_POOL)
    assert job is not None
    in_tenant(database, tenant, lambda connection: request_cancel(connection, job.id))
    finisher.cancel(job)
    in_tenant(database, tenant, lambda connection: retry_jobs(connection, [job.id]))
    failing = queue.claim(_POOL)
    assert failing is not None
    finisher.fail(failing, {"code": "internal_error", "message": "x"})
    never = add_job()
    in_tenant(database, tenant, lambda connection: request_cancel(connection, never))
    with pool.connection() as connection:
        connection.execute("UPDATE jobs SET finish_by = now() - interval '1 h' WHERE state = 'queued'")
        rows = connection.execute("SELECT type, data, number, job_id, occurred_at FROM job_events").fetchall()
    seen = set()
    for name, data, number, job_id, occurred_at in rows:
        held = data_of(JobEvent(job_id=job_id, number=number, type=name, data=data, occurred_at=occurred_at))
        assert type(held) is EVENT_DATA[name]
        assert not held.model_extra, (name, data)
        seen.add(name)
    # What ends well has nothing to hold: its data are written as {} in the finish.
    assert seen == set(EVENT_TYPES) - {"job.succeeded"}


def test_an_event_of_a_type_that_is_not_known_here_keeps_what_it_holds() -> None:
    event = JobEvent.model_validate(
        {
            "job_id": "job_1",
            "number": 1,
            "type": "job.exploded",
            "data": {"a": 1},
            "occurred_at": "2026-01-01T00:00:00Z",
        }
    )
    held = data_of(event)
    assert type(held) is EventData
    assert held.model_extra == {"a": 1}
