"""Log lines of jobs: appended by workers under the epoch of the attempt, read by their tenant while the job runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from psycopg import AsyncConnection, Connection
from psycopg_pool import ConnectionPool

from impasto.logs import MOST_LINES, LogLevel, LogLine

# Refused once another attempt has the job; an attempt that has ended may still tell how. By age, because the
# database's clock alone counts.
_APPEND: Final = """
WITH lines AS (
    SELECT * FROM unnest(%(ids)s::text[], %(epochs)s::integer[], %(ages)s::double precision[], %(levels)s::text[],
                         %(messages)s::text[]) WITH ORDINALITY AS u (id, epoch, age_s, level, message, n)
), of_jobs AS MATERIALIZED (
    SELECT j.id, j.tenant_id, j.epoch, j.attempts,
           coalesce((SELECT max(number) FROM job_logs l WHERE l.job_id = j.id), 0) AS newest
    FROM jobs j JOIN (SELECT DISTINCT id, epoch FROM lines) its ON its.id = j.id AND its.epoch = j.epoch
), written AS (
    INSERT INTO job_logs (tenant_id, job_id, number, attempt, at, level, message)
    SELECT j.tenant_id, j.id, j.newest + row_number() OVER (PARTITION BY j.id ORDER BY u.n), j.attempts,
           now() - make_interval(secs => u.age_s), u.level, u.message
    FROM lines u JOIN of_jobs j ON j.id = u.id AND j.epoch = u.epoch
    ON CONFLICT DO NOTHING
    RETURNING job_id, number
)
SELECT job_id, max(number) FROM written GROUP BY job_id
"""
_TRIM: Final = """
DELETE FROM job_logs l USING unnest(%s::text[], %s::integer[]) AS u (id, upto)
WHERE l.job_id = u.id AND l.number <= u.upto
"""


@dataclass(frozen=True, slots=True)
class NewLine:
    """A line of an attempt, said so many seconds ago."""

    job_id: str
    epoch: int
    age_s: float
    level: LogLevel
    message: str


class PostgresLogs:
    """Appends lines, for role impasto_engine."""

    def __init__(self, pool: ConnectionPool[Connection[Any]]) -> None:
        self._pool = pool

    def append(self, lines: Sequence[NewLine]) -> None:
        """Stores the lines of many jobs in one statement, and forgets the oldest of those that have too many."""
        values = {
            "ids": [line.job_id for line in lines],
            "epochs": [line.epoch for line in lines],
            "ages": [line.age_s for line in lines],
            "levels": [line.level for line in lines],
            "messages": [line.message for line in lines],
        }
        with self._pool.connection() as connection:
            newest = connection.execute(_APPEND, values).fetchall()
            full = [(job_id, number - MOST_LINES) for job_id, number in newest if number > MOST_LINES]
            if full:
                connection.execute(_TRIM, [[job_id for job_id, _ in full], [upto for _, upto in full]])


async def logs_after(
    connection: AsyncConnection[Any], job_id: str, number: int = 0, most: int = MOST_LINES
) -> list[LogLine]:
    """The lines of the tenant's job with a larger number, in order."""
    cursor = await connection.execute(
        """SELECT number, attempt, at, level, message FROM job_logs
           WHERE job_id = %s AND number > %s ORDER BY number LIMIT %s""",
        [job_id, number, most],
    )
    return [_line(row) for row in await cursor.fetchall()]


async def log_tail(connection: AsyncConnection[Any], job_id: str, most: int) -> list[LogLine]:
    """The last lines of the tenant's job, in order."""
    cursor = await connection.execute(
        "SELECT number, attempt, at, level, message FROM job_logs WHERE job_id = %s ORDER BY number DESC LIMIT %s",
        [job_id, most],
    )
    return [_line(row) for row in await cursor.fetchall()][::-1]


def _line(row: tuple[Any, ...]) -> LogLine:
    return LogLine.model_validate(dict(zip(LogLine.model_fields, row, strict=True)))
