"""Series, samples and states of jobs that run. Everything a worker writes is fenced by its attempt's epoch."""

from __future__ import annotations

from typing import Any, Final

from psycopg import AsyncConnection, Connection
from psycopg.types.json import Jsonb
from psycopg_pool import ConnectionPool

from impasto.artifacts import ArtifactRef
from impasto.jobs import ClaimedJob
from impasto.trainings import Sample, SeriesPoint, TrainingState

_MINE: Final = "FROM jobs WHERE id = %(id)s AND epoch = %(epoch)s AND state = 'running'"
# A step that an earlier attempt had reached as well is told anew, and with the same values.
_SERIES: Final = """
INSERT INTO job_series (tenant_id, job_id, step, points)
SELECT jobs.tenant_id, jobs.id, u.step, u.points
FROM jobs, unnest(%(steps)s::integer[], %(points)s::jsonb[]) AS u (step, points)
WHERE jobs.id = %(id)s AND jobs.epoch = %(epoch)s AND jobs.state = 'running'
ON CONFLICT (job_id, step) DO UPDATE SET points = excluded.points
"""
_SAMPLE: Final = f"""
WITH mine AS (SELECT tenant_id, id {_MINE}),
shown AS (
    UPDATE artifacts a SET published_at = coalesce(published_at, now()), touched_at = now()
    FROM mine WHERE a.tenant_id = mine.tenant_id AND a.sha256 = %(sha256)s
)
INSERT INTO job_samples (tenant_id, job_id, step, sha256) SELECT tenant_id, id, %(step)s, %(sha256)s FROM mine
ON CONFLICT (job_id, step) DO UPDATE SET sha256 = excluded.sha256, created_at = now()
"""  # noqa: S608  fixed text
_KEEP: Final = """
UPDATE jobs j SET last_checkpoint = %(state)s, worker_losses = 0
FROM (SELECT id, last_checkpoint FROM jobs WHERE id = %(id)s FOR UPDATE) before
WHERE j.id = before.id AND j.epoch = %(epoch)s AND j.state = 'running'
RETURNING before.last_checkpoint
"""


class PostgresTrainings:
    """As a worker writes them."""

    def __init__(self, pool: ConnectionPool[Connection[Any]]) -> None:
        self._pool = pool

    def add_points(self, job: ClaimedJob, points: list[SeriesPoint]) -> None:
        """Adds points to the job's series."""
        values = [Jsonb(point.points) for point in points]
        self._execute(job, _SERIES, steps=[point.step for point in points], points=values)

    def add_sample(self, job: ClaimedJob, step: int, artifact: ArtifactRef) -> None:
        """Makes a stored artifact visible as the job's sample of that step."""
        self._execute(job, _SAMPLE, step=step, sha256=artifact.sha256)

    def keep(self, job: ClaimedJob, state: TrainingState) -> TrainingState | None:
        """Makes `state` the one to go on from; gives the one that nobody needs any more.

        That is the one before, if there was one, or `state` itself if the attempt is over. Losses of workers count
        anew from here: a job that gets on is never given up for them. May be done twice.
        """
        row = self._execute(job, _KEEP, state=Jsonb(state.model_dump()))
        if row is None:
            return state
        before = TrainingState.model_validate(row[0]) if row[0] else None
        return None if before == state else before

    def state(self, job: ClaimedJob) -> TrainingState | None:
        """Where an earlier attempt of the job got to."""
        with self._pool.connection() as connection:
            row = connection.execute("SELECT last_checkpoint FROM jobs WHERE id = %s", [job.id]).fetchone()
        return TrainingState.model_validate(row[0]) if row and row[0] else None

    def samples(self, job: ClaimedJob) -> list[tuple[int, ArtifactRef]]:
        """The job's samples so far, of earlier attempts as well, by step."""
        with self._pool.connection() as connection:
            rows = connection.execute(
                """SELECT step, sha256, media_type, size_bytes FROM job_samples JOIN artifacts USING (tenant_id, sha256)
                   WHERE job_id = %s ORDER BY step""",
                [job.id],
            ).fetchall()
        return [(row[0], ArtifactRef(sha256=row[1], media_type=row[2], size_bytes=row[3])) for row in rows]

    def _execute(self, job: ClaimedJob, query: str, **values: Any) -> tuple[Any, ...] | None:
        with self._pool.connection() as connection:
            cursor = connection.execute(query, {"id": job.id, "epoch": job.epoch, **values})
            return cursor.fetchone() if cursor.description else None


async def series_of(
    connection: AsyncConnection[Any], job_id: str, after: int, every: int, most: int
) -> list[SeriesPoint]:
    """The job's points after that step, at most one in `every` steps, by step; within a tenant's transaction."""
    cursor = await connection.execute(
        """SELECT step, points FROM job_series WHERE job_id = %s AND step > %s AND step %% %s = 0
           ORDER BY step LIMIT %s""",
        [job_id, after, every, most],
    )
    return [SeriesPoint(step=row[0], points=row[1]) for row in await cursor.fetchall()]


async def samples_of(connection: AsyncConnection[Any], job_id: str, after: int, most: int) -> list[Sample]:
    """The job's samples after that step, by step; within a tenant's transaction."""
    cursor = await connection.execute(
        "SELECT step, sha256, created_at FROM job_samples WHERE job_id = %s AND step > %s ORDER BY step LIMIT %s",
        [job_id, after, most],
    )
    return [Sample(step=row[0], sha256=row[1], created_at=row[2]) for row in await cursor.fetchall()]
