"""What goes after a time, in small parts: old events, pipelines, jobs of which nothing is left, unused artifacts.

Each part is a transaction of its own, and one process is at it at a time, however many there are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

from psycopg import Connection, sql
from psycopg_pool import ConnectionPool

from impasto.backends.postgres.references import referred_to

PART: Final = 500
# With up to fifty steps each.
PIPELINES: Final = 20
# Removing an object is a request to the store, and its row is locked meanwhile.
OBJECTS: Final = 20
_ALONE: Final = "SELECT pg_try_advisory_xact_lock(7268143)"

# The last event stays: it says how the job ended, and where its numbers had got to.
_EVENTS: Final = """
WITH old AS (
    SELECT id, last_event FROM jobs
    WHERE tidied = 0 AND finished_at < now() - make_interval(days => %(days)s)
    ORDER BY finished_at LIMIT %(most)s FOR UPDATE SKIP LOCKED
), gone AS (
    DELETE FROM job_events e USING old WHERE e.job_id = old.id AND e.number < old.last_event
)
UPDATE jobs SET tidied = 1, preview = NULL FROM old WHERE jobs.id = old.id
"""

# A pipeline is not where something comes from: its jobs are, and from here on each is judged by itself. Those that were
# judged while it kept them are judged anew.
_PIPELINES: Final = """
WITH old AS MATERIALIZED (
    SELECT id FROM pipelines WHERE finished_at < now() - make_interval(days => %(days)s)
    ORDER BY finished_at LIMIT %(most)s FOR UPDATE SKIP LOCKED
), steps AS (
    DELETE FROM pipeline_steps s USING old WHERE s.pipeline_id = old.id RETURNING s.job_id
), told AS (
    DELETE FROM pipeline_events e USING old WHERE e.pipeline_id = old.id
), jobs AS (
    UPDATE jobs j SET pipeline_id = NULL, tidied = CASE tidied WHEN 2 THEN %(tidied)s ELSE tidied END
    FROM steps WHERE j.id = steps.job_id
)
DELETE FROM pipelines p USING old WHERE p.id = old.id
"""

# Its own log goes with a job. What waits to be sent to a webhook is sent first; and its pipeline goes first.
_LOGS: Final = ("job_events", "webhook_events", "webhook_endpoints")
_OLD: Final = """
SELECT id FROM jobs j
WHERE tidied = %(tidied)s AND finished_at < now() - make_interval(days => %(days)s)
  AND NOT EXISTS (SELECT FROM pipelines p WHERE p.id = j.pipeline_id) AND NOT EXISTS (
    SELECT FROM webhook_events v JOIN webhook_deliveries d ON d.event_id = v.id
    WHERE v.job_id = j.id AND d.state = 'waiting')
ORDER BY finished_at LIMIT %(most)s FOR UPDATE SKIP LOCKED
"""
_KEPT: Final = sql.SQL(
    "UPDATE jobs r SET tidied = 2, pipeline_id = NULL WHERE id = ANY(%(jobs)s) AND {kept} RETURNING id"
)
_REMOVE: Final = (
    "DELETE FROM webhook_events WHERE job_id = ANY(%(jobs)s)",
    "DELETE FROM webhook_endpoints WHERE job_id = ANY(%(jobs)s)",
    "DELETE FROM job_events WHERE job_id = ANY(%(jobs)s)",
    "DELETE FROM jobs WHERE id = ANY(%(jobs)s)",
)
_SAMPLES: Final = "SELECT DISTINCT tenant_id, sha256 FROM job_samples WHERE job_id = ANY(%(jobs)s)"
# A sample may have become something else's: the picture that another job begins with, or the same bytes elsewhere.
_HIDE: Final = sql.SQL("""
UPDATE artifacts r SET published_at = NULL, touched_at = now()
FROM unnest(%(tenants)s::text[], %(digests)s::text[]) AS u (tenant, digest)
WHERE r.tenant_id = u.tenant AND r.sha256 = u.digest AND NOT {kept}
  AND NOT EXISTS (SELECT FROM lineage_edges e WHERE e.tenant_id = u.tenant AND e.source = 'sha256:' || u.digest)
  AND NOT EXISTS (SELECT FROM lineage_edges e WHERE e.tenant_id = u.tenant AND e.target = 'sha256:' || u.digest)
  AND NOT EXISTS (SELECT FROM jobs j WHERE j.tenant_id = u.tenant AND j.state IN ('queued', 'running')
                  AND position(u.digest IN j.params::text) > 0)
  AND NOT EXISTS (SELECT FROM schedules s WHERE s.tenant_id = u.tenant AND s.state <> 'ended'
                  AND position(u.digest IN s.job::text) > 0)
  AND NOT EXISTS (SELECT FROM pipeline_steps p WHERE p.tenant_id = u.tenant AND p.state = 'waiting'
                  AND position(u.digest IN p.params::text) > 0)
""")

_RUNS: Final = """
DELETE FROM schedule_runs WHERE (schedule_id, due_at) IN (
    SELECT schedule_id, due_at FROM schedule_runs WHERE created_at < now() - make_interval(days => %(days)s)
    ORDER BY created_at LIMIT %(most)s)
"""

# Unpublished, untouched for so long, and no open job can have put it: what nobody will publish any more.
_UNUSED: Final = """
    r.published_at IS NULL AND r.touched_at < now() - make_interval(secs => %(grace_s)s) AND NOT EXISTS (
        SELECT FROM jobs j WHERE j.tenant_id = r.tenant_id AND j.state IN ('queued', 'running')
        AND j.started_at <= r.touched_at)
"""
# Committed before the object goes: whoever touches the row from here on puts the object anew.
_UNSTORE: Final = sql.SQL(f"""
WITH unused AS (
    SELECT tenant_id, sha256 FROM artifacts r WHERE {_UNUSED} AND NOT {{kept}}
    ORDER BY touched_at LIMIT %(most)s FOR UPDATE SKIP LOCKED
)
UPDATE artifacts a SET stored_at = NULL FROM unused u WHERE a.tenant_id = u.tenant_id AND a.sha256 = u.sha256
RETURNING a.tenant_id, a.sha256
""")  # noqa: S608  fixed texts
_STILL_UNUSED: Final = f"""
SELECT r.tenant_id, r.sha256
FROM artifacts r JOIN unnest(%(tenants)s::text[], %(digests)s::text[]) AS u (tenant, digest)
    ON r.tenant_id = u.tenant AND r.sha256 = u.digest
WHERE r.stored_at IS NULL AND {_UNUSED} FOR UPDATE OF r SKIP LOCKED
"""  # noqa: S608  fixed texts
_FORGET: Final = """
DELETE FROM artifacts r USING unnest(%(tenants)s::text[], %(digests)s::text[]) AS u (tenant, digest)
WHERE r.tenant_id = u.tenant AND r.sha256 = u.digest
"""


class PostgresRetention:
    """As role impasto_engine. Each method does one part and says how much it found; less than a part is the last."""

    def __init__(self, pool: ConnectionPool[Connection[Any]]) -> None:
        self._pool = pool

    def forget_events(self, days: int) -> int:
        """Removes the events, but for the last, and the previews of jobs that ended so many days ago."""
        with self.alone() as connection:
            return connection.execute(_EVENTS, {"days": days, "most": PART}).rowcount if connection else 0

    def forget_pipelines(self, days: int, *, after_events: bool) -> int:
        """Removes pipelines that ended so many days ago, with their log; their jobs stay, and know of none.

        `after_events` as in `forget_jobs`.
        """
        values = {"days": days, "most": PIPELINES, "tidied": int(after_events)}
        with self.alone() as connection:
            return connection.execute(_PIPELINES, values).rowcount if connection else 0

    def forget_jobs(self, days: int, *, after_events: bool) -> tuple[int, int]:
        """Removes jobs that ended so many days ago and of which nothing is left: how many it looked at, and removed.

        A job that something was made by stays for good, as the record of how: a checkpoint, a version of a dataset,
        an evaluation or an edge of lineage. `after_events`: only jobs whose events have gone.
        """
        with self.alone() as connection:
            if connection is None:
                return 0, 0
            chosen = {"tidied": int(after_events), "days": days, "most": PART}
            old = [row[0] for row in connection.execute(_OLD, chosen).fetchall()]
            kept = _KEPT.format(kept=referred_to(connection, "jobs", but_for=_LOGS))
            stay = {row[0] for row in connection.execute(kept, {"jobs": old}).fetchall()}
            go = [job for job in old if job not in stay]
            if go:
                _remove(connection, go)
            return len(old), len(go)

    def forget_runs(self, days: int) -> int:
        """Removes what became of the times of schedules so many days ago."""
        with self.alone() as connection:
            return connection.execute(_RUNS, {"days": days, "most": PART}).rowcount if connection else 0

    def remove_unused(self, grace_s: float, remove: Callable[[str, str], None]) -> int:
        """Removes artifacts that nobody has published and touched for so long; `remove` takes tenant and digest.

        Raises:
            Unavailable: the store does not answer; what it has removed stays forgotten, the others are left.
        """
        with self.alone() as connection:
            if connection is None:
                return 0
            unstore = _UNSTORE.format(kept=referred_to(connection, "artifacts"))
            found = connection.execute(unstore, {"grace_s": grace_s, "most": OBJECTS}).fetchall()
        with self.alone() as connection:
            if not found or connection is None:
                return 0
            # Locked until the commit: whoever would touch one of these now waits, and then puts it anew.
            chosen = {"grace_s": grace_s, **_pairs(found)}
            unused = connection.execute(_STILL_UNUSED, chosen).fetchall()
            for tenant_id, sha256 in unused:
                remove(tenant_id, sha256)
            connection.execute(_FORGET, _pairs(unused))
        return len(found)

    @contextmanager
    def alone(self) -> Iterator[Connection[Any] | None]:
        """A transaction in which no other process does such work; None if one does at this moment."""
        with self._pool.connection() as connection:
            row = connection.execute(_ALONE).fetchone()
            yield connection if row and row[0] else None


def _remove(connection: Connection[Any], jobs: list[str]) -> None:
    samples = connection.execute(_SAMPLES, {"jobs": jobs}).fetchall()
    for statement in _REMOVE:
        connection.execute(statement, {"jobs": jobs})
    if samples:
        connection.execute(_HIDE.format(kept=referred_to(connection, "artifacts")), _pairs(samples))


def _pairs(found: list[tuple[Any, ...]]) -> dict[str, list[str]]:
    return {"tenants": [row[0] for row in found], "digests": [row[1] for row in found]}
