"""The reconciler's statements: expired leases, missed deadlines, bells that were not heard. Any number of replicas."""

from __future__ import annotations

from typing import Any, Final

from psycopg import Connection

from impasto.backends.postgres.losses import REQUEUE, SWEEP
from impasto.backends.postgres.queue import Moved

_OVERDUE: Final = """
WITH overdue AS (
    SELECT id FROM jobs WHERE finish_by < now() - make_interval(secs => CASE state WHEN 'queued' THEN 0 ELSE 30 END)
        AND state IN ('queued', 'running') FOR UPDATE SKIP LOCKED LIMIT 500
), ended AS (
    UPDATE jobs j SET state = 'failed', finished_at = now(), lease_until = NULL, last_event = last_event + 1,
        error = jsonb_build_object('code', 'deadline_missed', 'message', 'the job did not end before its deadline')
    FROM overdue WHERE j.id = overdue.id RETURNING j.*
), told AS (
    INSERT INTO job_events (tenant_id, job_id, number, type, data)
    SELECT tenant_id, id, last_event, 'job.failed', jsonb_build_object('code', 'deadline_missed') FROM ended
)
SELECT id, state, queue, kind, error->>'code' FROM ended
"""

# One that has started before, and waits again for another attempt, has started.
_NOT_STARTED: Final = """
WITH late AS (
    SELECT id FROM jobs WHERE start_by < now() AND state = 'queued' AND started_at IS NULL
    FOR UPDATE SKIP LOCKED LIMIT 500
), ended AS (
    UPDATE jobs j SET state = 'failed', finished_at = now(), last_event = last_event + 1,
        error = jsonb_build_object('code', 'start_missed', 'message', 'the job did not start in time')
    FROM late WHERE j.id = late.id RETURNING j.*
), told AS (
    INSERT INTO job_events (tenant_id, job_id, number, type, data)
    SELECT tenant_id, id, last_event, 'job.failed', jsonb_build_object('code', 'start_missed') FROM ended
)
SELECT id, state, queue, kind, error->>'code' FROM ended
"""


def expire_leases(connection: Connection[Any]) -> list[Moved]:
    """Takes jobs from workers that have been silent longer than their lease."""
    rows = connection.execute(
        REQUEUE.format(condition="lease_until < now()", locking=SWEEP), {"cause": "worker_lost", "pause_s": 0.0}
    ).fetchall()
    return [Moved(*row) for row in rows]


def analyse_young_tables(connection: Connection[Any]) -> bool:
    """Gives the planner figures of tables that it takes for empty, once there is something in them; if it did."""
    row = connection.execute("SELECT analyse_young_tables()").fetchone()
    return row is not None and bool(row[0])


def fail_overdue(connection: Connection[Any]) -> list[Moved]:
    """Ends jobs past their deadline. A running one is its worker's to end first: it gets 30 seconds."""
    return [Moved(*row) for row in connection.execute(_OVERDUE).fetchall()]


def fail_not_started(connection: Connection[Any]) -> list[Moved]:
    """Ends jobs that wait beyond the time by which they should have started for the first time."""
    return [Moved(*row) for row in connection.execute(_NOT_STARTED).fetchall()]


def due_pipelines(connection: Connection[Any]) -> list[str]:
    """Pipelines of which something has happened that nobody has drawn the consequences of."""
    # By lot: those that cannot go on do not hold up the others for ever.
    rows = connection.execute(
        """SELECT pipeline_id FROM (SELECT DISTINCT pipeline_id FROM pipeline_steps WHERE due) AS found
           ORDER BY random() LIMIT 200"""
    ).fetchall()
    return [row[0] for row in rows]


def pipelines_to_stop(connection: Connection[Any]) -> list[str]:
    """Pipelines that are to stop and have a job that nobody has asked to."""
    rows = connection.execute(
        """SELECT DISTINCT p.id FROM pipelines p JOIN pipeline_steps s ON s.pipeline_id = p.id
               LEFT JOIN jobs j ON j.id = s.job_id
           WHERE p.cancel_requested_at < now() - interval '2 seconds' AND p.finished_at IS NULL
             AND (s.state = 'waiting' OR (j.state IN ('queued', 'running') AND j.cancel_requested_at IS NULL))
           LIMIT 200"""
    ).fetchall()
    return [row[0] for row in rows]


def take_ended_states(connection: Connection[Any]) -> list[tuple[str, str]]:
    """Tenants and jobs that ended with a state to go on from, and forgets it; roll back if it cannot be removed."""
    return connection.execute(
        """WITH ended AS (SELECT id FROM jobs WHERE last_checkpoint IS NOT NULL
                              AND state IN ('succeeded', 'failed', 'canceled') LIMIT 20 FOR UPDATE SKIP LOCKED)
           UPDATE jobs j SET last_checkpoint = NULL FROM ended WHERE j.id = ended.id RETURNING j.tenant_id, j.id"""
    ).fetchall()


def settle_events(connection: Connection[Any]) -> int:
    """Puts events of an earlier life of the database before those to come; how many there were.

    A database that was restored from a dump counts its transactions anew: events with a number that is still to come
    would be held back until then. Their order among themselves is that of their rows.
    """
    cursor = connection.execute(
        """UPDATE job_events SET xid = '0' FROM tenants t
           WHERE job_events.tenant_id = t.id AND xid >= pg_snapshot_xmax(pg_current_snapshot())"""
    )
    return cursor.rowcount


def forget_workers(connection: Connection[Any], silent_s: float) -> list[str]:
    """Forgets workers that have been silent this long; one that comes back has to be started anew to be seen."""
    rows = connection.execute(
        "DELETE FROM workers WHERE seen_at < now() - make_interval(secs => %s) RETURNING name", [silent_s]
    ).fetchall()
    return [row[0] for row in rows]


def take_bells(connection: Connection[Any], older_than_s: float) -> dict[str, list[str | None]]:
    """The bells of each queue that nobody rang, by their traceparents, and deletes them; roll back if ringing fails."""
    rows = connection.execute(
        """WITH due AS (SELECT id FROM outbox WHERE created_at < now() - make_interval(secs => %s)
                        ORDER BY id LIMIT 5000 FOR UPDATE SKIP LOCKED),
                gone AS (DELETE FROM outbox USING due WHERE outbox.id = due.id RETURNING queue, traceparent)
           SELECT queue, array_agg(traceparent) FROM gone GROUP BY queue""",
        [older_than_s],
    ).fetchall()
    return {row[0]: row[1] for row in rows}


def unheard_queues(connection: Connection[Any], waiting_s: float) -> list[str]:
    """Queues with a job that could have started this long ago: its bell may have been lost with Redis."""
    rows = connection.execute(
        """SELECT DISTINCT queue FROM jobs
           WHERE state = 'queued' AND run_after < now() - make_interval(secs => %s)""",
        [waiting_s],
    ).fetchall()
    return [row[0] for row in rows]


def slots_of_queue(connection: Connection[Any], queue: str) -> int:
    """How many jobs of this queue the workers that live can begin at once."""
    row = connection.execute("SELECT slots_of_queue(%s)", [queue]).fetchone()
    return int(row[0]) if row else 0
