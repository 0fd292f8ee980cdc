"""Ends of jobs that leave nothing but a result: those that come up together are ended by one statement."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from typing import Any, Final

from psycopg import Connection, DatabaseError, OperationalError
from psycopg_pool import ConnectionPool, PoolTimeout

from impasto.backends.postgres.pools import statement_alone
from impasto.jobs import ClaimedJob

_MOST: Final = 100
# Where ends came together before, the first of the next waits so long for the others.
_GATHERS_S: Final = 0.001

# The end and the event that tells it, or neither. A row that somebody else holds is left: nobody waits crosswise with
# whoever else takes several. So is a step of a pipeline: what follows it belongs into its commit.
_END_TOGETHER: Final = """
WITH given AS (
    SELECT * FROM unnest(%(ids)s::text[], %(epochs)s::integer[], %(results)s::text[]::jsonb[]) AS g (id, epoch, result)
), held AS MATERIALIZED (
    SELECT j.id, g.result FROM given g JOIN jobs j ON j.id = g.id AND j.epoch = g.epoch
    WHERE j.state = 'running' AND j.pipeline_id IS NULL FOR UPDATE OF j SKIP LOCKED
), ended AS (
    UPDATE jobs j SET state = 'succeeded', result = held.result, error = NULL, finished_at = now(), lease_until = NULL,
        last_event = last_event + 1
    FROM held WHERE j.id = held.id
    RETURNING j.tenant_id, j.id, j.last_event
), told AS (
    INSERT INTO job_events (tenant_id, job_id, number, type, data)
    SELECT tenant_id, id, last_event, 'job.succeeded', '{}'::jsonb FROM ended
)
SELECT id FROM ended
"""


@dataclass(slots=True)
class _End:
    job: ClaimedJob
    result: str
    # Let go when it was ended, or when it is its turn to speak for all.
    wait: threading.Lock = field(default_factory=threading.Lock)
    ended: bool | None = None
    error: OperationalError | PoolTimeout | None = None


class PlainEnds:
    """Slots that end a job at the same moment share a statement and a commit: the first of them speaks for all."""

    def __init__(self, pool: ConnectionPool[Connection[Any]]) -> None:
        self._pool = pool
        self._lock = threading.Lock()
        self._waiting: list[_End] = []
        self._speaks = False
        self._last = 0

    def succeed(self, job: ClaimedJob, result: str) -> bool:
        """Ends the job with this JSON text; False, and nothing done, if it has to be ended by itself.

        That is so for a step of a pipeline, an attempt that has lost its job, a job whose row somebody holds, and where
        the database takes the text for no JSON.

        Raises:
            OperationalError, PoolTimeout: the database does not answer.
        """
        end = _End(job, result)
        end.wait.acquire()
        with self._lock:
            self._waiting.append(end)
            speaks, self._speaks = not self._speaks, True
        if not speaks:
            end.wait.acquire()
        if end.ended is None:
            self._speak()
        if end.error is not None:
            raise end.error
        return bool(end.ended)

    def _speak(self) -> None:
        """Ends all that wait, and hands over to the first of those that have come meanwhile."""
        if self._last > 1:
            time.sleep(_GATHERS_S)
        with self._lock:
            several, self._waiting = self._waiting[:_MOST], self._waiting[_MOST:]
        self._last = len(several)
        try:
            self._end(several)
        finally:
            with self._lock:
                self._speaks = bool(self._waiting)
                following = self._waiting[:1]
            for end in several:
                end.ended = bool(end.ended)  # whatever went wrong, it is ended by itself
            for each in (*several, *following):
                each.wait.release()

    def _end(self, several: list[_End]) -> None:
        try:
            ended = self._end_together(several)
        except (OperationalError, PoolTimeout) as error:
            for end in several:
                end.ended, end.error = False, error
            return
        except DatabaseError:
            ended = frozenset()  # one of them is at fault; by itself each is told its own
        for end in several:
            end.ended = end.job.id in ended

    def _end_together(self, several: list[_End]) -> frozenset[str]:
        values = {
            "ids": [end.job.id for end in several],
            "epochs": [end.job.epoch for end in several],
            "results": [end.result for end in several],
        }
        with statement_alone(self._pool) as connection:
            return frozenset(row[0] for row in connection.execute(_END_TOGETHER, values, prepare=True).fetchall())
