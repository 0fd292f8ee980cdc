"""The queue as a worker sees it: claim, renew, tell progress, give back. The database's clock alone counts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from psycopg import Connection
from psycopg.types.json import Jsonb
from psycopg_pool import ConnectionPool

from impasto.backends.postgres.failures import FAILED
from impasto.backends.postgres.losses import OWN, REQUEUE
from impasto.jobs import ClaimedJob, Progress, Shape
from impasto.workers import Holding

_CLAIM: Final = """
WITH picked AS (
    SELECT id FROM jobs
    WHERE state = 'queued' AND queue = ANY(%(queues)s) AND shape = ANY(%(shapes)s) AND run_after <= now()
    ORDER BY priority DESC, id LIMIT 1 FOR UPDATE SKIP LOCKED
), claimed AS (
    UPDATE jobs j SET state = 'running', epoch = epoch + 1, attempts = attempts + 1, worker = %(worker)s,
        worker_instance = %(instance)s, lease_until = now() + make_interval(secs => %(lease_s)s),
        started_at = coalesce(started_at, now()), progress = NULL, last_event = last_event + 1
    FROM picked WHERE j.id = picked.id RETURNING j.*
), told AS (
    INSERT INTO job_events (tenant_id, job_id, number, type, data)
    SELECT tenant_id, id, last_event, 'job.started', jsonb_build_object('attempt', attempts, 'worker', worker)
    FROM claimed
)
SELECT id, tenant_id, kind, shape, params, epoch, attempts, run_limit_s, finish_by, traceparent,
       CASE WHEN started_at = now() THEN extract(epoch FROM now() - run_after)::double precision END
FROM claimed
"""

# What the worker holds goes with its renewal: no round trip of its own.
_RENEW: Final = """
WITH told AS (
    UPDATE workers SET seen_at = now(), running = %(running)s, memory_used_bytes = %(memory_used_bytes)s,
        checkpoints = %(checkpoints)s
    WHERE name = %(worker)s AND instance = %(instance)s
)
UPDATE jobs SET lease_until = now() + make_interval(secs => %(lease_s)s)
WHERE state = 'running' AND worker_instance = %(instance)s AND id = ANY(%(ids)s)
RETURNING id, epoch, cancel_requested_at IS NOT NULL, coalesce(finish_by < now(), false)
"""

# Has a job of another shape waited so long that the running shape should drain?
_WAITING: Final = """
SELECT EXISTS (SELECT 1 FROM jobs WHERE state = 'queued' AND queue = ANY(%s) AND shape <> %s
               AND run_after < now() - make_interval(secs => %s))
"""

_REGISTER: Final = """
INSERT INTO workers (name, instance, host, pid, device, queues, slots, kinds, memory_bytes)
VALUES (%(worker)s, %(instance)s, %(host)s, %(pid)s, %(device)s, %(queues)s, %(slots)s, %(kinds)s, %(memory_bytes)s)
ON CONFLICT (name) DO UPDATE SET instance = excluded.instance, host = excluded.host, pid = excluded.pid,
    device = excluded.device, queues = excluded.queues, slots = excluded.slots, kinds = excluded.kinds,
    memory_bytes = excluded.memory_bytes, memory_used_bytes = NULL, checkpoints = '{}', running = 0,
    started_at = now(), seen_at = now()
"""

_NONE: Final[Mapping[tuple[str, int], bytes]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Renewed:
    """A lease that holds, and what the job was told meanwhile."""

    epoch: int
    cancel_requested: bool
    deadline_missed: bool


@dataclass(frozen=True, slots=True)
class Moved:
    """A job that an attempt was taken from, and where it went; `code` says why if it failed or was canceled."""

    job_id: str
    state: str
    queue: str
    kind: str
    code: str | None


_NOTHING: Final = Holding()


def count_failed(moved: Iterable[Moved]) -> None:
    """Counts the jobs among these that failed."""
    for job in moved:
        if job.state == "failed":
            FAILED.labels(job.kind, job.code).inc()


class PostgresQueue:
    """The queues that one worker consumes. `worker` keeps its name over restarts; `instance` is one life of it."""

    def __init__(
        self, pool: ConnectionPool[Connection[Any]], *, worker: str, instance: str, queues: list[str], lease_s: float
    ) -> None:
        self._pool, self._queues = pool, queues
        self._who = {"worker": worker, "instance": instance, "lease_s": lease_s}

    def claim(self, shapes: list[Shape]) -> ClaimedJob | None:
        """The best job of one of these shapes, with lease and epoch; None if there is none now."""
        with self._pool.connection() as connection:
            row = connection.execute(_CLAIM, {**self._who, "queues": self._queues, "shapes": shapes}).fetchone()
        return None if row is None else ClaimedJob(*row)

    def another_shape_waits(self, shape: Shape, patience_s: float) -> bool:
        """Whether a job of another shape has waited longer than `patience_s`."""
        with self._pool.connection() as connection:
            row = connection.execute(_WAITING, [self._queues, shape, patience_s]).fetchone()
        return row is not None and bool(row[0])

    def renew(self, job_ids: list[str], holding: Holding = _NOTHING) -> dict[str, Renewed]:
        """Says that this worker lives and what it holds, and renews the leases of these jobs, in one statement.

        A job that is missing in the answer is lost. Only jobs that a slot really holds are named: any other lease of
        this worker must expire.
        """
        told = {
            "running": holding.running,
            "memory_used_bytes": holding.memory_used_bytes,
            "checkpoints": list(holding.checkpoints),
        }
        with self._pool.connection() as connection:
            rows = connection.execute(_RENEW, {**self._who, **told, "ids": job_ids}).fetchall()
        return {row[0]: Renewed(*row[1:]) for row in rows}

    def tell_progress(
        self, progress: Mapping[tuple[str, int], Progress], previews: Mapping[tuple[str, int], bytes] = _NONE
    ) -> None:
        """Stores the newest progress and the newest preview (a JPEG) of each (job, epoch) in one statement."""
        keys = list(dict.fromkeys([*progress, *previews]))
        values = [Jsonb(p.model_dump(exclude_defaults=True)) if (p := progress.get(key)) else None for key in keys]
        with self._pool.connection() as connection:
            connection.execute(
                """UPDATE jobs SET progress = coalesce(u.progress, jobs.progress),
                       preview = coalesce(u.preview, jobs.preview)
                   FROM unnest(%s::text[], %s::integer[], %s::jsonb[], %s::bytea[]) AS u (id, epoch, progress, preview)
                   WHERE jobs.id = u.id AND jobs.epoch = u.epoch AND state = 'running'""",
                [[key[0] for key in keys], [key[1] for key in keys], values, [previews.get(key) for key in keys]],
            )

    def give_back(self, job: ClaimedJob, cause: str) -> Moved | None:
        """Ends this attempt without a result: `runner_lost` counts against the job, `drained` does not.

        None if the attempt was no longer this worker's to end.
        """
        moved = self._requeue(cause, "id = %(id)s AND epoch = %(epoch)s", {"id": job.id, "epoch": job.epoch})
        return moved[0] if moved else None

    def give_back_predecessors(self) -> list[Moved]:
        """Takes back what an earlier life of this worker left running."""
        return self._requeue("worker_lost", "worker = %(worker)s AND worker_instance <> %(instance)s", self._who)

    def register(
        self,
        *,
        host: str,
        pid: int,
        device: str,
        slots: int,
        kinds: Sequence[str] = (),
        memory_bytes: int | None = None,
    ) -> None:
        """Makes this worker known, with the kinds it can run and the memory of its device."""
        values = {"host": host, "pid": pid, "device": device, "slots": slots, "queues": self._queues}
        with self._pool.connection() as connection:
            connection.execute(_REGISTER, {**self._who, **values, "kinds": sorted(kinds), "memory_bytes": memory_bytes})

    def say_goodbye(self) -> None:
        """Makes this worker unknown: one that was told to stop is not missed."""
        with self._pool.connection() as connection:
            connection.execute("DELETE FROM workers WHERE name = %(worker)s AND instance = %(instance)s", self._who)

    def _requeue(self, cause: str, condition: str, values: dict[str, Any]) -> list[Moved]:
        with self._pool.connection() as connection:
            rows = connection.execute(
                REQUEUE.format(condition=condition, locking=OWN), {**values, "cause": cause}
            ).fetchall()
        moved = [Moved(*row) for row in rows]
        count_failed(moved)
        return moved
