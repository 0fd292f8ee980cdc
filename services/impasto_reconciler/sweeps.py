"""One sweep: leases, deadlines, bells. Safe with any number of replicas, and after any crash."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from kombu.exceptions import OperationalError as BrokerError
from prometheus_client import Counter
from psycopg import Connection, OperationalError
from psycopg.errors import DeadlockDetected, LockNotAvailable, QueryCanceled, SerializationFailure
from psycopg_pool import ConnectionPool, PoolTimeout
from redis.exceptions import RedisError

from impasto.artifacts import runs_prefix
from impasto.backends.bells import Bells
from impasto.backends.objects import S3Objects
from impasto.backends.postgres import sweeping
from impasto.backends.postgres.advancing import PASSING, PATIENCE, advance
from impasto.backends.postgres.failures import count_lost
from impasto.backends.postgres.flows import perform
from impasto.backends.postgres.pipeline_changes import cancel_jobs_of
from impasto.backends.postgres.queue import count_failed
from impasto.errors import Unavailable
from impasto.faults import trace_of
from impasto.submission import Bell

_LOG = logging.getLogger("impasto.reconciler")
_BELL_AGE_S: Final = 1.0
# With the time between two sweeps this is what a lost bell costs: less than ten seconds.
_UNHEARD_S: Final = 4.0
_MOST_BELLS: Final = 16
_FORGOTTEN_S: Final = 86_400.0
# A database that answers nothing for so long was away, though no connection has broken.
_SILENT_S: Final = 10.0

EXPIRED: Final = Counter("impasto_leases_expired", "Leases taken from silent workers")
RUNG: Final = Counter("impasto_bells_rung_again", "Bells that had to be rung by the reconciler")


class Sweeper:
    """Sweeps on demand; remembers only since when the database has answered.

    After an outage workers get `grace_s` seconds to renew before any lease is called expired.
    """

    def __init__(
        self, pool: ConnectionPool[Connection[Any]], bells: Bells, objects: S3Objects, *, grace_s: float
    ) -> None:
        self._pool, self._bells, self._objects, self._grace_s = pool, bells, objects, grace_s
        # A reconciler that just started cannot know how long the database was away.
        self._answers_since: float | None = None

    def sweep(self) -> None:
        """Does all that is due. A part of the platform that does not answer leaves its share for the next sweep."""
        try:
            self._sweep_jobs()
            self._sweep_pipelines()
            self._sweep_bells()
            self._look_at_young_tables()
            self._sweep_states()
        except (OperationalError, PoolTimeout) as error:
            _LOG.warning("nothing swept, the database does not answer: %s", type(error).__name__)
            self._answers_since = None
        except (BrokerError, RedisError, OSError) as error:
            _LOG.warning("bells stay in the outbox, Redis does not answer: %s", type(error).__name__)
        except Unavailable as error:
            _LOG.warning("states of trainings that ended stay, the store does not answer: %s", error.code)

    def _sweep_jobs(self) -> None:
        asked_at = time.monotonic()
        with self._pool.connection() as connection:
            overdue = [*sweeping.fail_overdue(connection), *sweeping.fail_not_started(connection)]
            now = time.monotonic()
            if self._answers_since is None or now - asked_at > _SILENT_S:
                self._answers_since = now
                self._settle_events(connection)
            expired = sweeping.expire_leases(connection) if now - self._answers_since >= self._grace_s else []
            forgotten = sweeping.forget_workers(connection, _FORGOTTEN_S)
        for name in forgotten:
            _LOG.warning("worker %s has been silent for a day and is forgotten", name)
        count_failed([*overdue, *expired])
        for moved in expired:
            about = {"job_id": moved.job_id}
            _LOG.warning("the lease of %s expired: now %s", moved.job_id, moved.state, extra=about)
        EXPIRED.inc(len(expired))
        count_lost((moved.kind for moved in expired), "lease_expired")
        if ended := [moved.job_id for moved in (*overdue, *expired)]:
            self._bells.tell(ended)

    def _look_at_young_tables(self) -> None:
        with self._pool.connection() as connection:
            if sweeping.analyse_young_tables(connection):
                _LOG.info("the planner has its first figures of jobs")

    def _sweep_pipelines(self) -> None:
        """Lets pipelines go on whose jobs ended otherwise than by a worker, and stops those that are still to stop."""
        with self._pool.connection() as connection:
            due, to_stop = sweeping.due_pipelines(connection), sweeping.pipelines_to_stop(connection)
        bells: list[Bell] = []
        for pipeline_id in due:
            with self._one(pipeline_id) as connection:
                bells += perform(connection, advance(pipeline_id, locking=PASSING))
        for pipeline_id in to_stop:
            with self._one(pipeline_id) as connection:
                cancel_jobs_of(connection, pipeline_id)
        for bell in bells[:_MOST_BELLS]:
            self._bells.ring(bell.queue, bell.traceparent)
        if told := [*due, *to_stop]:
            self._bells.tell(told)

    @contextmanager
    def _one(self, pipeline_id: str) -> Iterator[Connection[Any]]:
        """A transaction for one pipeline: a fault in it holds up no other one."""
        try:
            with self._pool.connection() as connection:
                connection.execute(PATIENCE)
                yield connection
        except LockNotAvailable:
            _LOG.info("%s is held by somebody: it is left to the next sweep", pipeline_id)
        except (DeadlockDetected, QueryCanceled, SerializationFailure) as error:
            _LOG.warning("%s is left to the next sweep: %s", pipeline_id, type(error).__name__)
        except (OperationalError, PoolTimeout):
            raise
        except Exception as error:  # noqa: BLE001  whatever it was, the next pipeline must go on
            _LOG.error("%s could not go on\n%s", pipeline_id, trace_of(error))

    def _settle_events(self, connection: Connection[Any]) -> None:
        if count := sweeping.settle_events(connection):
            _LOG.warning("the database was restored: %d events of before are now the oldest", count)

    def _sweep_states(self) -> None:
        """Of trainings that ended: nothing is removed before the end is written, so whoever ends one leaves them."""
        with self._pool.connection() as connection:
            for tenant_id, job_id in sweeping.take_ended_states(connection):
                self._objects.remove_runs(runs_prefix(tenant_id, job_id))

    def _sweep_bells(self) -> None:
        # Ringing inside the transaction: if Redis does not answer, the bells stay.
        with self._pool.connection() as connection:
            due = sweeping.take_bells(connection, _BELL_AGE_S)
            for queue, traceparents in due.items():
                # Each bell sets one slot going; a slot claims until the queue is empty, so a few wake them all.
                for traceparent in traceparents[:_MOST_BELLS]:
                    self._ring(queue, traceparent)
        with self._pool.connection() as connection:
            # A queue that still holds a bell is only busy; another would be heaped on it at every sweep.
            silent = [
                (queue, sweeping.slots_of_queue(connection, queue))
                for queue in sorted({*sweeping.unheard_queues(connection, _UNHEARD_S)} - {*due})
                if self._bells.waiting(queue) == 0
            ]
        for queue, slots in silent:
            for _ in range(max(1, min(slots, _MOST_BELLS))):
                self._ring(queue)

    def _ring(self, queue: str, traceparent: str | None = None) -> None:
        self._bells.ring(queue, traceparent)
        RUNG.inc()
