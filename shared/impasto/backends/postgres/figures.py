"""What operators look at: open jobs, workers, bells, storage. Sums over all tenants, cheap at a million jobs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from psycopg import AsyncConnection, Connection

from impasto.backends.postgres.failures import DEAD
from impasto.workers import OpenJobs, WorkerStatus

# Functions of the database, so that role impasto_api gets these sums and nothing of another tenant's.
_OPEN_JOBS: Final = "SELECT queue, kind, state, jobs, oldest_s FROM open_jobs()"
_WORKERS: Final = f"SELECT {', '.join(WorkerStatus.model_fields)} FROM known_workers()"  # noqa: S608  fixed columns

# Beyond that it makes no difference to anybody, and a scrape would read on and on.
_MOST_COUNTED: Final = 10_000


@dataclass(frozen=True, slots=True)
class Waiting:
    """Things that wait to be sent: how many, and for how many seconds the oldest could have been."""

    count: int
    oldest_s: float


async def open_jobs(connection: AsyncConnection[Any]) -> list[OpenJobs]:
    """Jobs of all tenants that have not ended, counted by queue, kind and state."""
    return [OpenJobs(*row) for row in await (await connection.execute(_OPEN_JOBS)).fetchall()]


async def known_workers(connection: AsyncConnection[Any]) -> list[WorkerStatus]:
    """Every worker that has not said goodbye, by name."""
    return [_worker(row) for row in await (await connection.execute(_WORKERS)).fetchall()]


def read_open_jobs(connection: Connection[Any]) -> list[OpenJobs]:
    """As `open_jobs`."""
    return [OpenJobs(*row) for row in connection.execute(_OPEN_JOBS).fetchall()]


def read_workers(connection: Connection[Any]) -> list[WorkerStatus]:
    """As `known_workers`."""
    return [_worker(row) for row in connection.execute(_WORKERS).fetchall()]


def unrung_bells(connection: Connection[Any]) -> Waiting:
    """Bells in the outbox, but for those of jobs that may not start yet."""
    return _waiting(connection, "SELECT count(*), min(created_at) FROM outbox WHERE created_at <= now()")


def due_webhooks(connection: Connection[Any]) -> Waiting:
    """Deliveries whose time has come; what waits for an endpoint to answer its ping, or to be removed, is not late."""
    return _waiting(
        connection,
        """SELECT count(*), min(d.next_at) FROM webhook_deliveries d JOIN webhook_endpoints e ON e.id = d.endpoint_id
           WHERE d.state = 'waiting' AND d.next_at <= now() AND e.state = 'active' AND e.deleted_at IS NULL""",
    )


def dead_jobs(connection: Connection[Any]) -> list[tuple[str, str, int]]:
    """Kind, code and number of jobs that were given up within a day and not retried since; the newest 10,000.

    The state as in the index `jobs_dead`, which is for nothing else.
    """
    return connection.execute(
        f"""SELECT kind, error_code, count(*) FROM (
                SELECT kind, error_code FROM jobs j
                WHERE state || '' = 'failed' AND error_code IN ({", ".join(f"'{code}'" for code in DEAD)})
                  AND finished_at > now() - interval '1 day'
                  AND NOT EXISTS (SELECT FROM jobs r WHERE r.tenant_id = j.tenant_id AND r.retry_of = j.id)
                ORDER BY finished_at DESC LIMIT {_MOST_COUNTED}) dead
            GROUP BY kind, error_code"""  # noqa: S608  fixed texts
    ).fetchall()


def upload_orphans(connection: Connection[Any]) -> int:
    """Stored artifacts that nobody has published, a day after they were last touched; counted up to 10,000."""
    return _number(
        connection,
        f"""SELECT count(*) FROM (SELECT FROM artifacts WHERE published_at IS NULL AND stored_at IS NOT NULL
                AND touched_at < now() - interval '1 day' LIMIT {_MOST_COUNTED}) old""",  # noqa: S608  fixed number
    )


def artifact_bytes(connection: Connection[Any]) -> int:
    """Bytes of all stored artifacts. Reads every row of theirs: not for each scrape."""
    return _number(connection, "SELECT coalesce(sum(size_bytes), 0) FROM artifacts WHERE stored_at IS NOT NULL")


def database_bytes(connection: Connection[Any]) -> int:
    """Bytes of this database on its server's disk."""
    return _number(connection, "SELECT pg_database_size(current_database())")


def _worker(row: tuple[Any, ...]) -> WorkerStatus:
    return WorkerStatus.model_validate(dict(zip(WorkerStatus.model_fields, row, strict=True)))


def _waiting(connection: Connection[Any], counting: str) -> Waiting:
    row = connection.execute(
        f"""SELECT count, coalesce(greatest(0, extract(epoch FROM now() - oldest)), 0)::double precision
            FROM ({counting}) AS counted (count, oldest)"""  # noqa: S608  fixed texts
    ).fetchone()
    assert row is not None
    return Waiting(*row)


def _number(connection: Connection[Any], query: str) -> int:
    row = connection.execute(query).fetchone()
    assert row is not None
    return int(row[0])
