"""The queue as a worker sees it: claim, renew, tell progress, give back. The database's clock alone counts."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, Final

from psycopg import Connection
from psycopg.types.json import Jsonb
from psycopg_pool import ConnectionPool

from impasto.backends.postgres.claiming import CLAIM, OVER_CAP, TRY_CAP, WAITS
from impasto.backends.postgres.failures import FAILED
from impasto.backends.postgres.losses import OWN, REQUEUE
from impasto.jobs import SHAPES, ClaimedJob, Progress, Shape
from impasto.workers import Holding

# What the worker holds goes with its renewal: no round trip of its own. A job whose row somebody holds is still this
# worker's, and is renewed at the next turn: one that waited for it would let the leases of all the others expire.
_RENEW: Final = """
WITH told AS (
    UPDATE workers SET seen_at = now(), running = %(running)s, memory_used_bytes = %(memory_used_bytes)s,
        checkpoints = %(checkpoints)s
    WHERE name = %(worker)s AND instance = %(instance)s
), ours AS (
    SELECT id, epoch, cancel_requested_at IS NOT NULL, coalesce(finish_by < now(), false)
    FROM jobs WHERE state = 'running' AND worker_instance = %(instance)s AND id = ANY(%(ids)s)
), free AS (
    SELECT id FROM jobs WHERE state = 'running' AND worker_instance = %(instance)s AND id = ANY(%(ids)s)
    FOR NO KEY UPDATE SKIP LOCKED
), renewed AS (
    UPDATE jobs SET lease_until = now() + make_interval(secs => %(lease_s)s) FROM free WHERE jobs.id = free.id
)
SELECT ours.*, id IN (SELECT id FROM free) FROM ours
"""

# Who locks several jobs and waits for them takes them by id: no two of them then wait for one another.
_TELL_PROGRESS: Final = """
WITH told AS (
    SELECT id, epoch, progress, preview
    FROM unnest(%s::text[], %s::integer[], %s::jsonb[], %s::bytea[]) AS given (id, epoch, progress, preview)
), held AS (
    SELECT jobs.id FROM jobs JOIN told USING (id, epoch) WHERE state = 'running' ORDER BY id FOR NO KEY UPDATE OF jobs
)
UPDATE jobs SET progress = coalesce(told.progress, jobs.progress), preview = coalesce(told.preview, jobs.preview)
FROM told JOIN held USING (id) WHERE jobs.id = told.id AND jobs.epoch = told.epoch
"""

_REGISTER: Final = """
INSERT INTO workers (name, instance, host, pid, device, queues, slots, places, kinds, memory_bytes)
VALUES (%(worker)s, %(instance)s, %(host)s, %(pid)s, %(device)s, %(queues)s, %(slots)s, %(places)s, %(kinds)s,
        %(memory_bytes)s)
ON CONFLICT (name) DO UPDATE SET instance = excluded.instance, host = excluded.host, pid = excluded.pid,
    device = excluded.device, queues = excluded.queues, slots = excluded.slots, places = excluded.places,
    kinds = excluded.kinds, memory_bytes = excluded.memory_bytes, memory_used_bytes = NULL, checkpoints = '{}',
    running = 0, started_at = now(), seen_at = now()
"""

_NONE: Final[Mapping[tuple[str, int], bytes]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Renewed:
    """A lease that holds, and what the job was told meanwhile; `renewed`: no, if somebody holds the job's row."""

    epoch: int
    cancel_requested: bool
    deadline_missed: bool
    renewed: bool = True


@dataclass(frozen=True, slots=True)
class Moved:
    """A job that an attempt was taken from, and where it went; `code` says why if it failed or was canceled."""

    job_id: str
    state: str
    queue: str
    kind: str
    code: str | None


@dataclass(frozen=True, slots=True)
class ClaimPolicy:
    """What is weighed in a claim, in seconds.

    `class_s`: waiting that is worth one priority class. `warm_s`: what it is worth to hold a job's checkpoint.
    `leave_s`: how long a job is left to another worker that holds it.
    """

    class_s: float = 600.0
    warm_s: float = 10.0
    leave_s: float = 4.0


@dataclass(frozen=True, slots=True)
class Claims:
    """The jobs that were claimed, the best first. Without any, `again_s` is when to ask again.

    `holder`: the worker to which a job is being left until then, because it holds its checkpoint.
    """

    jobs: tuple[ClaimedJob, ...] = ()
    again_s: float | None = None
    holder: str | None = None


_NOTHING: Final = Holding()
# Jobs looked at beyond those wanted: as many as other workers may take at this moment. More, when that was too few.
_DEPTHS: Final = (6, 60, 600)
_SOON_S: Final = 0.05


def count_failed(moved: Iterable[Moved]) -> None:
    """Counts the jobs among these that failed."""
    for job in moved:
        if job.state == "failed":
            FAILED.labels(job.kind, job.code).inc()


def _refused(connection: Connection[Any], capped: list[str]) -> frozenset[str]:
    """Which of these tenants with a cap have more jobs now than they may, or are somebody else's to count."""
    if not capped:
        return frozenset()
    found = connection.execute(TRY_CAP, [capped]).fetchall() or connection.execute(OVER_CAP, [capped]).fetchall()
    return frozenset(row[0] for row in found)


class PostgresQueue:
    """The queues that one worker consumes. `worker` keeps its name over restarts; `instance` is one life of it."""

    def __init__(
        self,
        pool: ConnectionPool[Connection[Any]],
        *,
        worker: str,
        instance: str,
        queues: list[str],
        lease_s: float,
        kinds: Collection[str] | None = None,
        policy: ClaimPolicy = ClaimPolicy(),
    ) -> None:
        self._pool, self._queues = pool, queues
        self._who = {"worker": worker, "instance": instance, "lease_s": lease_s}
        self._choice = {
            "queues": queues,
            "kinds": None if kinds is None else sorted(kinds),
            "class_s": policy.class_s,
            "warm_s": policy.warm_s,
            "leave_s": policy.leave_s,
        }

    def claim(self, shapes: list[Shape]) -> ClaimedJob | None:
        """The best job of one of these shapes, with lease and epoch; None if there is none now."""
        jobs = self.claim_some(shapes).jobs
        return jobs[0] if jobs else None

    def claim_some(
        self, shapes: Sequence[Shape], most: int = 1, held: Collection[str] = (), most_pool: int = 1
    ) -> Claims:
        """The best job of one of these shapes; of the shape *engine* up to `most` that go together.

        Of the shape *pool* the best `most_pool`. `held`: the checkpoints that this worker has loaded, or is about to.
        """
        counts = {"most": most, "most_pool": most_pool}
        asked = {**self._who, **self._choice, **counts, "shapes": list(shapes), "held": sorted(held)}
        passed_over: set[str] = set()
        crowded = False
        for depth in _DEPTHS:
            claims, more, refused = self._ask(
                {**asked, "depth": max(most, most_pool) + depth, "passed_over": sorted(passed_over)}
            )
            if claims.jobs or not (more or refused):
                # What others were busy with at this moment may be free in the next.
                return replace(claims, again_s=_SOON_S) if crowded and not claims.jobs else claims
            crowded = True
            passed_over |= refused
        return Claims(again_s=_SOON_S)

    def _ask(self, asked: dict[str, Any]) -> tuple[Claims, bool, frozenset[str]]:
        """One statement. Rolled back if it took more of a tenant than may run at once."""
        with self._pool.connection() as connection:
            rows = connection.execute(CLAIM, asked, prepare=True).fetchall()
            (more, again_s, holder, *_), found = rows[0], [row for row in rows if row[5] is not None]
            refused = _refused(connection, sorted({row[3] for row in found if row[4]}))
            if refused:
                connection.rollback()
                return Claims(), bool(more), refused
        jobs = tuple(ClaimedJob(*row[5:]) for row in found)
        return Claims(jobs) if jobs else Claims((), again_s, holder), bool(more), refused

    def another_shape_waits(self, shape: Shape, patience_s: float) -> bool:
        """Whether a job of another shape, which this worker could claim, has waited longer than `patience_s`."""
        others = [other for other in SHAPES if other != shape]
        asked = {**self._choice, "shapes": others, "passed_over": [], "patience_s": patience_s}
        with self._pool.connection() as connection:
            row = connection.execute(WAITS, asked, prepare=True).fetchone()
        return row is not None and bool(row[0])

    def renew(self, job_ids: list[str], holding: Holding = _NOTHING) -> dict[str, Renewed]:
        """Says that this worker lives and what it holds, and renews the leases of these jobs, in one statement.

        A job that is missing in the answer is lost; one that is taken away at this moment may still be told. Only jobs
        that a slot holds, or is about to take, are named: any other lease of this worker must expire.
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
                _TELL_PROGRESS,
                [[key[0] for key in keys], [key[1] for key in keys], values, [previews.get(key) for key in keys]],
            )

    def give_back(self, job: ClaimedJob, cause: str) -> Moved | None:
        """Ends this attempt without a result: `runner_lost` counts against the job, `drained` does not.

        None if the attempt was no longer this worker's to end.
        """
        moved = self._requeue(cause, "id = %(id)s AND epoch = %(epoch)s", {"id": job.id, "epoch": job.epoch})
        return moved[0] if moved else None

    def give_back_resumable(self, job: ClaimedJob, cause: str, pause_s: float) -> Moved | None:
        """As `give_back`, for a job with a state to go on from, which another attempt does so after the pause.

        None also if it has none: then nothing is changed.
        """
        condition = "id = %(id)s AND epoch = %(epoch)s AND last_checkpoint IS NOT NULL"
        moved = self._requeue(cause, condition, {"id": job.id, "epoch": job.epoch}, pause_s)
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
        places: int | None = None,
        kinds: Sequence[str] = (),
        memory_bytes: int | None = None,
    ) -> None:
        """Makes this worker known, with the kinds it can run, the memory of its device and its `places`.

        Those are the jobs its engine takes at once; without them no job is left to this worker.
        """
        values = {"host": host, "pid": pid, "device": device, "slots": slots, "queues": self._queues, "places": places}
        with self._pool.connection() as connection:
            connection.execute(_REGISTER, {**self._who, **values, "kinds": sorted(kinds), "memory_bytes": memory_bytes})

    def say_goodbye(self) -> None:
        """Makes this worker unknown: one that was told to stop is not missed."""
        with self._pool.connection() as connection:
            connection.execute("DELETE FROM workers WHERE name = %(worker)s AND instance = %(instance)s", self._who)

    def _requeue(self, cause: str, condition: str, values: dict[str, Any], pause_s: float = 0.0) -> list[Moved]:
        with self._pool.connection() as connection:
            rows = connection.execute(
                REQUEUE.format(condition=condition, locking=OWN), {**values, "cause": cause, "pause_s": pause_s}
            ).fetchall()
        moved = [Moved(*row) for row in rows]
        count_failed(moved)
        return moved
