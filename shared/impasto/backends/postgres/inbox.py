"""The inbox: accepts a job, its event, its bell and its callback in one commit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

from psycopg import AsyncConnection, Rollback
from psycopg.types.json import Jsonb

from impasto.backends.postgres.flows import perform_async
from impasto.backends.postgres.jobs import COLUMNS, record
from impasto.backends.postgres.known import first_missing, first_unmeasured, first_without_picture
from impasto.backends.postgres.quotas import check_submission
from impasto.backends.postgres.webhooks import PostgresEndpoints
from impasto.jobs import JobRecord
from impasto.submission import MOST_BELLS, Bell, NewJob, SubmittedAll

# Of each row of `job` its first event and its bell; the rows of the answer are `JobRecord`s, each with its bell's id.
QUEUED: Final = f"""
), told AS (
    INSERT INTO job_events (tenant_id, job_id, number, type, data)
    SELECT tenant_id, id, 1, 'job.queued', jsonb_build_object('kind', kind) FROM job
), bell AS (
    -- Of a job that may not start yet, the reconciler rings when it may.
    INSERT INTO outbox (tenant_id, job_id, queue, traceparent, created_at)
    SELECT tenant_id, id, queue, traceparent, greatest(now(), run_after) FROM job
    RETURNING outbox.id AS outbox_id, outbox.job_id, outbox.created_at <= now() AS now_due
)
SELECT {COLUMNS}, CASE WHEN now_due THEN outbox_id END FROM job JOIN bell ON bell.job_id = job.id
"""  # noqa: S608  fixed columns

# `{tenant}` is whose job it is, as SQL. Deadlines count from the database's clock, which alone judges them.
INSERT: Final = f"""
WITH job AS (
    INSERT INTO jobs (id, tenant_id, kind, queue, shape, params, priority, run_after, run_limit_s, finish_by,
                      start_by, no_progress_s, idempotency_key, request_sha256, traceparent, affinity, size_class,
                      pipeline_id, last_event)
    VALUES (%(id)s, {{tenant}}, %(kind)s, %(queue)s, %(shape)s, %(params)s, %(priority)s,
            now() + make_interval(secs => coalesce(%(start_after_s)s::double precision, 0)), %(run_limit_s)s,
            now() + make_interval(secs => %(finish_in_s)s::double precision),
            now() + make_interval(secs => %(start_in_s)s::double precision), %(no_progress_s)s,
            %(idempotency_key)s, %(request_sha256)s, %(traceparent)s, %(affinity)s, %(size_class)s, %(pipeline_id)s, 1)
    ON CONFLICT (tenant_id, idempotency_key) DO NOTHING
    RETURNING *
{QUEUED}
"""  # noqa: S608  fixed columns
IN_TENANT: Final = INSERT.format(tenant="current_setting('app.tenant_id')")
# The row is made before its policies are looked at, and to make it is to say whose it is: no statement comes before.
_INSERT_ALONE: Final = INSERT.format(tenant="set_config('app.tenant_id', %(tenant)s, true)")

# Any number of jobs in one statement. The first row carries the key of the whole call, and who was submitted with it.
_INSERT_ALL: Final = f"""
WITH job AS (
    INSERT INTO jobs (id, tenant_id, kind, queue, shape, params, priority, run_after, run_limit_s, finish_by, start_by,
                      no_progress_s, idempotency_key, request_sha256, submitted_with, traceparent, affinity,
                      size_class, last_event)
    SELECT id, current_setting('app.tenant_id'), kind, queue, shape, params, priority,
           now() + make_interval(secs => coalesce(start_after_s, 0)), run_limit_s,
           now() + make_interval(secs => finish_in_s), now() + make_interval(secs => start_in_s), no_progress_s,
           CASE n WHEN 1 THEN %(idempotency_key)s::text END, CASE n WHEN 1 THEN %(request_sha256)s::bytea END,
           CASE WHEN n = 1 AND %(idempotency_key)s::text IS NOT NULL THEN %(id)s::text[] END, %(traceparent)s,
           affinity, size_class, 1
    FROM unnest(%(id)s::text[], %(kind)s::text[], %(queue)s::text[], %(shape)s::text[], %(params)s::jsonb[],
                %(priority)s::smallint[], %(start_after_s)s::double precision[], %(run_limit_s)s::double precision[],
                %(finish_in_s)s::double precision[], %(start_in_s)s::double precision[],
                %(no_progress_s)s::double precision[], %(affinity)s::text[], %(size_class)s::smallint[])
         WITH ORDINALITY AS u (id, kind, queue, shape, params, priority, start_after_s, run_limit_s, finish_in_s,
                               start_in_s, no_progress_s, affinity, size_class, n)
    ON CONFLICT (tenant_id, idempotency_key) DO NOTHING
    RETURNING *
), told AS (
    INSERT INTO job_events (tenant_id, job_id, number, type, data)
    SELECT tenant_id, id, 1, 'job.queued', jsonb_build_object('kind', kind) FROM job
), numbered AS (
    SELECT *, row_number() OVER (PARTITION BY queue, run_after ORDER BY id) AS place FROM job
), bell AS (
    INSERT INTO outbox (tenant_id, job_id, queue, traceparent, created_at)
    SELECT tenant_id, id, queue, traceparent, greatest(now(), run_after) FROM numbered WHERE place <= {MOST_BELLS}
    RETURNING outbox.id AS outbox_id, outbox.job_id, outbox.created_at <= now() AS now_due
)
SELECT {COLUMNS}, queue, CASE WHEN now_due THEN outbox_id END
FROM job LEFT JOIN bell ON bell.job_id = job.id ORDER BY id
"""  # noqa: S608  fixed columns


def values_of(job: NewJob) -> dict[str, Any]:
    """The values of `INSERT`."""
    return {
        "id": job.id,
        "kind": job.kind.name,
        "queue": job.kind.queue,
        "shape": job.kind.shape,
        "params": Jsonb(job.params),
        "priority": job.priority,
        "start_after_s": job.start_after_s,
        "run_limit_s": job.kind.run_limit_s,
        "finish_in_s": job.finish_in_s,
        "start_in_s": job.start_in_s,
        "no_progress_s": job.no_progress_s,
        "idempotency_key": job.idempotency_key,
        "request_sha256": job.request_sha256,
        "traceparent": job.traceparent,
        "affinity": job.kind.affinity_of(job.params),
        "size_class": job.kind.size_of(job.params),
        "pipeline_id": job.pipeline_id,
    }


class PostgresInbox:
    """Satisfies `impasto.submission.Inbox` on the connection of a tenant's transaction."""

    def __init__(self, connection: AsyncConnection[Any]) -> None:
        self._connection = connection

    async def missing(self, identifiers: list[str]) -> str | None:
        return await perform_async(self._connection, first_missing(identifiers))

    async def no_picture(self, digests: list[str]) -> str | None:
        return await perform_async(self._connection, first_without_picture(digests))

    async def unmeasured(self, checkpoint_ids: list[str]) -> str | None:
        return await perform_async(self._connection, first_unmeasured(checkpoint_ids))

    async def insert(self, job: NewJob) -> tuple[JobRecord, Bell | None] | None:
        cursor = await self._connection.execute(IN_TENANT, values_of(job))
        row = await cursor.fetchone()
        if row is None:
            return None
        if job.callback is not None:
            await PostgresEndpoints(self._connection).add(replace(job.callback, job_id=job.id))
        return record(row[:-1]), _bell(job, row[-1])

    async def by_key(self, idempotency_key: str) -> tuple[JobRecord, bytes]:
        cursor = await self._connection.execute(
            f"""SELECT {COLUMNS}, request_sha256 FROM jobs
                WHERE tenant_id = current_setting('app.tenant_id') AND idempotency_key = %s""",  # noqa: S608
            [idempotency_key],
        )
        row = await cursor.fetchone()
        assert row is not None, "a taken key has its job"
        return record(row[:-1]), bytes(row[-1])

    async def check_quotas(self) -> None:
        await check_submission(self._connection)

    async def insert_all(self, jobs: Sequence[NewJob]) -> SubmittedAll | None:
        first = jobs[0]
        values = {
            "id": [job.id for job in jobs],
            "kind": [job.kind.name for job in jobs],
            "queue": [job.kind.queue for job in jobs],
            "shape": [job.kind.shape for job in jobs],
            "params": [Jsonb(job.params) for job in jobs],
            "priority": [job.priority for job in jobs],
            "start_after_s": [job.start_after_s for job in jobs],
            "run_limit_s": [job.kind.run_limit_s for job in jobs],
            "finish_in_s": [job.finish_in_s for job in jobs],
            "start_in_s": [job.start_in_s for job in jobs],
            "no_progress_s": [job.no_progress_s for job in jobs],
            "affinity": [job.kind.affinity_of(job.params) for job in jobs],
            "size_class": [job.kind.size_of(job.params) for job in jobs],
            "idempotency_key": first.idempotency_key,
            "request_sha256": first.request_sha256,
            "traceparent": first.traceparent,
        }
        async with self._connection.transaction() as whole:
            rows = await (await self._connection.execute(_INSERT_ALL, values)).fetchall()
            if len(rows) < len(jobs):  # the first was left out: its key is taken
                raise Rollback(whole)
            bells = [Bell(queue, outbox_id, first.traceparent) for *_, queue, outbox_id in rows if outbox_id]
            return SubmittedAll([record(row[:-2]) for row in rows], bells)
        return None

    async def all_by_key(self, idempotency_key: str) -> tuple[list[JobRecord], bytes]:
        first, request_sha256 = await self.by_key(idempotency_key)
        cursor = await self._connection.execute(
            f"""SELECT {COLUMNS} FROM jobs
                WHERE id = ANY((SELECT submitted_with FROM jobs WHERE id = %s)::text[]) ORDER BY id""",  # noqa: S608
            [first.id],
        )
        return [record(row) for row in await cursor.fetchall()], request_sha256


async def insert_alone(
    connection: AsyncConnection[Any], tenant_id: str, job: NewJob
) -> tuple[JobRecord, Bell | None] | None:
    """A job that refers to nothing and has no callback: one statement, which is its own transaction.

    None if its Idempotency-Key is taken. A submission is little else than round trips: this is one instead of four.
    """
    cursor = await connection.execute(_INSERT_ALONE, {**values_of(job), "tenant": tenant_id})
    row = await cursor.fetchone()
    return None if row is None else (record(row[:-1]), _bell(job, row[-1]))


def _bell(job: NewJob, outbox_id: int | None) -> Bell | None:
    """None for a job that may not start yet: the reconciler rings when it may."""
    return None if outbox_id is None else Bell(job.kind.queue, outbox_id, job.traceparent)
