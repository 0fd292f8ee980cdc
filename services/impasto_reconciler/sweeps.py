"""One sweep: leases, deadlines, bells. Safe with any number of replicas, and after any crash."""

from __future__ import annotations

import logging
import time
from typing import Any, Final

from kombu.exceptions import OperationalError as BrokerError
from prometheus_client import Counter
from psycopg import Connection, OperationalError
from psycopg_pool import ConnectionPool, PoolTimeout
from redis.exceptions import RedisError

from impasto.artifacts import runs_prefix
from impasto.backends.bells import Bells
from impasto.backends.objects import S3Objects
from impasto.backends.postgres import sweeping
from impasto.backends.postgres.queue import count_failed
from impasto.errors import Unavailable

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
            self._sweep_bells()
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
            expired = sweeping.expire_leases(connection) if now - self._answers_since >= self._grace_s else []
            forgotten = sweeping.forget_workers(connection, _FORGOTTEN_S)
        for name in forgotten:
            _LOG.warning("worker %s has been silent for a day and is forgotten", name)
        count_failed([*overdue, *expired])
        for moved in expired:
            _LOG.warning("the lease of %s expired: now %s", moved.job_id, moved.state)
        EXPIRED.inc(len(expired))
        if ended := [moved.job_id for moved in (*overdue, *expired)]:
            self._bells.tell(ended)

    def _sweep_states(self) -> None:
        """A worker removes the state of the training it ends; this is for those that ended otherwise."""
        with self._pool.connection() as connection:
            for tenant_id, job_id in sweeping.take_ended_states(connection):
                self._objects.remove_runs(runs_prefix(tenant_id, job_id))

    def _sweep_bells(self) -> None:
        # Ringing inside the transaction: if Redis does not answer, the bells stay.
        with self._pool.connection() as connection:
            due = sweeping.take_bells(connection, _BELL_AGE_S)
            for queue, count in due.items():
                # Each bell sets one slot going; a slot claims until the queue is empty, so a few wake them all.
                for _ in range(min(count, _MOST_BELLS)):
                    self._ring(queue)
        with self._pool.connection() as connection:
            unheard = sweeping.unheard_queues(connection, _UNHEARD_S)
        for queue in set(unheard) - set(due):
            # A queue that still holds a bell is only busy; another would be heaped on it at every sweep.
            if self._bells.waiting(queue) == 0:
                self._ring(queue)

    def _ring(self, queue: str) -> None:
        self._bells.ring(queue)
        RUNG.inc()
