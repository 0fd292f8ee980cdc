"""Jobs that stand alone and come up at the same moment: one statement and one commit accept them all."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from psycopg import AsyncConnection
from psycopg.types.json import Json

from impasto.backends.postgres.inbox import QUEUED, values_of
from impasto.backends.postgres.jobs import record
from impasto.jobs import JobRecord
from impasto.submission import Bell, NewJob

_TYPES: Final = {
    "id": "text",
    "kind": "text",
    "queue": "text",
    "shape": "text",
    "params": "jsonb",
    "priority": "smallint",
    "start_after_s": "double precision",
    "run_limit_s": "double precision",
    "finish_in_s": "double precision",
    "start_in_s": "double precision",
    "no_progress_s": "double precision",
    "idempotency_key": "text",
    "request_sha256": "text",
    "traceparent": "text",
    "affinity": "text",
    "size_class": "smallint",
}

# As `inbox.INSERT`, a row a job. To make the first row is to say whose they are, before any policy is looked at.
_INSERT: Final = f"""
WITH job AS (
    INSERT INTO jobs (id, tenant_id, kind, queue, shape, params, priority, run_after, run_limit_s, finish_by, start_by,
                      no_progress_s, idempotency_key, request_sha256, traceparent, affinity, size_class, last_event)
    SELECT id, set_config('app.tenant_id', %(tenant)s, true), kind, queue, shape, params, priority,
           now() + make_interval(secs => coalesce(start_after_s, 0)), run_limit_s,
           now() + make_interval(secs => finish_in_s), now() + make_interval(secs => start_in_s),
           no_progress_s, idempotency_key, decode(request_sha256, 'hex'), traceparent, affinity, size_class, 1
    FROM json_to_recordset(%(rows)s) AS u ({", ".join(f"{name} {its}" for name, its in _TYPES.items())})
    ON CONFLICT (tenant_id, idempotency_key) DO NOTHING
    RETURNING *
{QUEUED}
"""  # noqa: S608  fixed columns


async def insert_together(
    connection: AsyncConnection[Any], tenant_id: str, jobs: Sequence[NewJob]
) -> dict[str, tuple[JobRecord, Bell | None]]:
    """The jobs by their ids, each with its bell; without those whose Idempotency-Key is taken.

    They refer to nothing, and have neither a callback nor a pipeline. The connection's statements are transactions of
    their own.
    """
    cursor = await connection.execute(_INSERT, {"rows": _rows(jobs), "tenant": tenant_id}, prepare=True)
    asked = {job.id: job for job in jobs}
    accepted: dict[str, tuple[JobRecord, Bell | None]] = {}
    for *columns, outbox_id in await cursor.fetchall():
        job = record(tuple(columns))
        rings = Bell(asked[job.id].kind.queue, outbox_id, asked[job.id].traceparent)
        accepted[job.id] = (job, None if outbox_id is None else rings)
    return accepted


def _rows(jobs: Sequence[NewJob]) -> Json:
    """One value for all of them: an array a column takes psycopg six times as long."""
    sha256 = [job.request_sha256 and job.request_sha256.hex() for job in jobs]
    return Json(
        [{**values_of(job), "params": job.params, "request_sha256": its} for job, its in zip(jobs, sha256, strict=True)]
    )
