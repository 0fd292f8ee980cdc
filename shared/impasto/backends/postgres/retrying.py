"""Jobs that failed or were canceled, asked for once more: each has at most one retry, which has a retry of its own."""

from __future__ import annotations

from typing import Any, Final

from psycopg import AsyncConnection

from impasto.backends.postgres.jobs import COLUMNS, record
from impasto.backends.postgres.quotas import check_submission
from impasto.errors import NotFound
from impasto.submission import MOST_BELLS, MOST_JOBS, Bell, SubmittedAll, new_job_id, refuse_retry

# Deadlines are as far away as they were; the callback and its secret go with the job.
_RETRY: Final = f"""
WITH job AS (
    INSERT INTO jobs (id, tenant_id, kind, queue, shape, params, priority, run_limit_s, finish_by, start_by,
                      no_progress_s, traceparent, affinity, size_class, retry_of, last_event)
    SELECT u.new_id, tenant_id, kind, queue, shape, params, priority, run_limit_s,
           now() + (finish_by - created_at), now() + (start_by - created_at), no_progress_s, traceparent,
           affinity, size_class, id, 1
    FROM jobs JOIN unnest(%(jobs)s::text[], %(new)s::text[]) AS u (job_id, new_id) ON id = u.job_id
    WHERE state IN ('failed', 'canceled') ORDER BY u.new_id
    ON CONFLICT (tenant_id, retry_of) WHERE retry_of IS NOT NULL DO NOTHING
    RETURNING *
), told AS (
    INSERT INTO job_events (tenant_id, job_id, number, type, data)
    SELECT tenant_id, id, 1, 'job.queued', jsonb_build_object('kind', kind, 'retry_of', retry_of) FROM job
), callback AS (
    INSERT INTO webhook_endpoints (id, tenant_id, job_id, url, lane, events, secret, state)
    SELECT webhook_id('whk'), e.tenant_id, job.id, e.url, e.lane, e.events, e.secret, 'active'
    FROM job JOIN webhook_endpoints e ON e.job_id = job.retry_of
    WHERE e.deleted_at IS NULL AND e.state <> 'disabled'
), numbered AS (
    SELECT *, row_number() OVER (PARTITION BY queue ORDER BY id) AS place FROM job
)
INSERT INTO outbox (tenant_id, job_id, queue, traceparent)
SELECT tenant_id, id, queue, traceparent FROM numbered WHERE place <= {MOST_BELLS}
RETURNING queue, outbox.id, traceparent
"""  # noqa: S608  fixed texts


async def retry_jobs(connection: AsyncConnection[Any], job_ids: list[str]) -> SubmittedAll:
    """The retries of these jobs in their order, made here or earlier; the caller commits.

    Raises:
        NotFound: one of them is not the tenant's.
        Conflict: one of them has not ended, or has succeeded.
        LimitExceeded: a quota of the tenant is used up.
    """
    asked = list(dict.fromkeys(job_ids))
    await _refuse(connection, asked)
    # In one order whoever asks: two calls that overlap must not wait for each other.
    new = sorted(new_job_id() for _ in asked)
    rows = await (await connection.execute(_RETRY, {"jobs": sorted(asked), "new": new})).fetchall()
    if rows:  # some are new
        await check_submission(connection)
    cursor = await connection.execute(
        f"SELECT {COLUMNS} FROM jobs "  # noqa: S608  fixed columns
        "WHERE tenant_id = current_setting('app.tenant_id') AND retry_of = ANY(%s)",
        [asked],
    )
    made = {job.retry_of: job for job in map(record, await cursor.fetchall())}
    return SubmittedAll([made[job_id] for job_id in asked], [Bell(*row) for row in rows])


async def failed_jobs(connection: AsyncConnection[Any], code: str, kind: str | None) -> tuple[list[str], bool]:
    """The oldest 1,000 jobs that failed with this code and were not retried, and whether there are more."""
    cursor = await connection.execute(
        """SELECT id FROM jobs j
           WHERE tenant_id = current_setting('app.tenant_id') AND error_code = %(code)s AND state = 'failed'
             AND (%(kind)s::text IS NULL OR kind = %(kind)s)
             AND NOT EXISTS (SELECT FROM jobs r WHERE r.tenant_id = j.tenant_id AND r.retry_of = j.id)
           ORDER BY id LIMIT %(most)s""",
        {"code": code, "kind": kind, "most": MOST_JOBS + 1},
    )
    found = [row[0] for row in await cursor.fetchall()]
    return found[:MOST_JOBS], len(found) > MOST_JOBS


async def _refuse(connection: AsyncConnection[Any], job_ids: list[str]) -> None:
    cursor = await connection.execute(
        f"SELECT {COLUMNS} FROM jobs WHERE id = ANY(%s)",  # noqa: S608  fixed columns
        [job_ids],
    )
    found = {job.id: job for job in map(record, await cursor.fetchall())}
    for job_id in job_ids:
        if job_id not in found:
            raise NotFound("job", job_id)
        refuse_retry(found[job_id])
