"""The inbox: accepts a job, its event, its bell and its callback in one commit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

from psycopg import AsyncConnection, Rollback
from psycopg.types.json import Jsonb

from impasto.backends.postgres.jobs import COLUMNS, record
from impasto.backends.postgres.webhooks import PostgresEndpoints
from impasto.jobs import JobRecord
from impasto.submission import MOST_BELLS, Bell, NewJob, SubmittedAll

# `{tenant}` is whose job it is, as SQL. Deadlines count from the database's clock, which alone judges them.
INSERT: Final = f"""
WITH job AS (
    INSERT INTO jobs (id, tenant_id, kind, queue, shape, params, priority, run_after, run_limit_s, finish_by,
                      start_by, idempotency_key, request_sha256, traceparent, affinity, last_event)
    VALUES (%(id)s, {{tenant}}, %(kind)s, %(queue)s, %(shape)s, %(params)s, %(priority)s,
            coalesce(%(run_after)s, now()), %(run_limit_s)s,
            now() + make_interval(secs => %(finish_in_s)s::double precision),
            now() + make_interval(secs => %(start_in_s)s::double precision), %(idempotency_key)s,
            %(request_sha256)s, %(traceparent)s, %(affinity)s, 1)
    ON CONFLICT (tenant_id, idempotency_key) DO NOTHING
    RETURNING *
), told AS (
    INSERT INTO job_events (tenant_id, job_id, number, type, data)
    SELECT tenant_id, id, 1, 'job.queued', jsonb_build_object('kind', kind) FROM job
), bell AS (
    INSERT INTO outbox (tenant_id, job_id, queue, traceparent) SELECT tenant_id, id, queue, traceparent FROM job
    RETURNING outbox.id AS outbox_id
)
SELECT {COLUMNS}, outbox_id FROM job, bell
"""  # noqa: S608  fixed columns
_INSERT: Final = INSERT.format(tenant="current_setting('app.tenant_id')")

# Any number of jobs in one statement. The first row carries the key of the whole call, and who was submitted with it.
_INSERT_ALL: Final = f"""
WITH job AS (
    INSERT INTO jobs (id, tenant_id, kind, queue, shape, params, priority, run_limit_s, finish_by, start_by,
                      idempotency_key, request_sha256, submitted_with, traceparent, affinity, last_event)
    SELECT id, current_setting('app.tenant_id'), kind, queue, shape, params, priority, run_limit_s,
           now() + make_interval(secs => finish_in_s), now() + make_interval(secs => start_in_s),
           CASE n WHEN 1 THEN %(idempotency_key)s END, CASE n WHEN 1 THEN %(request_sha256)s END,
           CASE WHEN n = 1 AND %(idempotency_key)s::text IS NOT NULL THEN %(id)s::text[] END, %(traceparent)s,
           affinity, 1
    FROM unnest(%(id)s::text[], %(kind)s::text[], %(queue)s::text[], %(shape)s::text[], %(params)s::jsonb[],
                %(priority)s::smallint[], %(run_limit_s)s::double precision[], %(finish_in_s)s::double precision[],
                %(start_in_s)s::double precision[], %(affinity)s::text[])
         WITH ORDINALITY AS u (id, kind, queue, shape, params, priority, run_limit_s, finish_in_s, start_in_s,
                               affinity, n)
    ON CONFLICT (tenant_id, idempotency_key) DO NOTHING
    RETURNING *
), told AS (
    INSERT INTO job_events (tenant_id, job_id, number, type, data)
    SELECT tenant_id, id, 1, 'job.queued', jsonb_build_object('kind', kind) FROM job
), numbered AS (
    SELECT *, row_number() OVER (PARTITION BY queue ORDER BY id) AS place FROM job
), bell AS (
    INSERT INTO outbox (tenant_id, job_id, queue, traceparent)
    SELECT tenant_id, id, queue, traceparent FROM numbered WHERE place <= {MOST_BELLS}
    RETURNING outbox.id AS outbox_id, outbox.job_id
)
SELECT {COLUMNS}, queue, outbox_id FROM job LEFT JOIN bell ON bell.job_id = job.id ORDER BY id
"""  # noqa: S608  fixed columns

# The same condition as the catalogue's `measured`.
_UNMEASURED: Final = """
SELECT c.id FROM checkpoints c
WHERE c.id = ANY(%s) AND NOT EXISTS (
    SELECT 1 FROM evaluations e WHERE e.checkpoint_id = c.id AND e.measures->>'split' <> 'train'
)
ORDER BY c.id LIMIT 1
"""

# What proves that an identifier is the tenant's, by its prefix. Row-level security keeps each to the tenant.
_TABLES: Final = {
    "art": "artworks",
    "dst": "datasets",
    "dsv": "dataset_versions",
    "ckp": "checkpoints",
    "evl": "evaluations",
    "sty": "styles",
    "job": "jobs",
}


class PostgresInbox:
    """Satisfies `impasto.submission.Inbox` on the connection of a tenant's transaction."""

    def __init__(self, connection: AsyncConnection[Any]) -> None:
        self._connection = connection

    async def missing(self, identifiers: list[str]) -> str | None:
        by_table: dict[str, list[str]] = {}
        for identifier in identifiers:
            table = "artifacts" if identifier.startswith("sha256:") else _TABLES.get(identifier[:3])
            if table is None:
                return identifier
            by_table.setdefault(table, []).append(identifier)
        for table, wanted in by_table.items():
            found = "'sha256:' || sha256" if table == "artifacts" else "id"
            visible = "published_at IS NOT NULL" if table == "artifacts" else "true"
            cursor = await self._connection.execute(
                f"SELECT w FROM unnest(%s::text[]) w WHERE NOT EXISTS "  # noqa: S608  fixed names
                f"(SELECT 1 FROM {table} WHERE {found} = w AND {visible}) LIMIT 1",
                [wanted],
            )
            if row := await cursor.fetchone():
                return str(row[0])
        return None

    async def unmeasured(self, checkpoint_ids: list[str]) -> str | None:
        if not checkpoint_ids:
            return None
        cursor = await self._connection.execute(_UNMEASURED, [checkpoint_ids])
        row = await cursor.fetchone()
        return None if row is None else str(row[0])

    async def insert(self, job: NewJob) -> tuple[JobRecord, Bell] | None:
        values = {
            "id": job.id,
            "kind": job.kind.name,
            "queue": job.kind.queue,
            "shape": job.kind.shape,
            "params": Jsonb(job.params),
            "priority": job.priority,
            "run_after": job.run_after,
            "run_limit_s": job.kind.run_limit_s,
            "finish_in_s": job.finish_in_s,
            "start_in_s": job.start_in_s,
            "idempotency_key": job.idempotency_key,
            "request_sha256": job.request_sha256,
            "traceparent": job.traceparent,
            "affinity": job.kind.affinity_of(job.params),
        }
        cursor = await self._connection.execute(_INSERT, values)
        row = await cursor.fetchone()
        if row is None:
            return None
        if job.callback is not None:
            await PostgresEndpoints(self._connection).add(replace(job.callback, job_id=job.id))
        return record(row[:-1]), Bell(job.kind.queue, row[-1], job.traceparent)

    async def by_key(self, idempotency_key: str) -> tuple[JobRecord, bytes]:
        cursor = await self._connection.execute(
            f"SELECT {COLUMNS}, request_sha256 FROM jobs WHERE idempotency_key = %s",  # noqa: S608  fixed columns
            [idempotency_key],
        )
        row = await cursor.fetchone()
        assert row is not None, "a taken key has its job"
        return record(row[:-1]), bytes(row[-1])

    async def insert_all(self, jobs: Sequence[NewJob]) -> SubmittedAll | None:
        first = jobs[0]
        values = {
            "id": [job.id for job in jobs],
            "kind": [job.kind.name for job in jobs],
            "queue": [job.kind.queue for job in jobs],
            "shape": [job.kind.shape for job in jobs],
            "params": [Jsonb(job.params) for job in jobs],
            "priority": [job.priority for job in jobs],
            "run_limit_s": [job.kind.run_limit_s for job in jobs],
            "finish_in_s": [job.finish_in_s for job in jobs],
            "start_in_s": [job.start_in_s for job in jobs],
            "affinity": [job.kind.affinity_of(job.params) for job in jobs],
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
