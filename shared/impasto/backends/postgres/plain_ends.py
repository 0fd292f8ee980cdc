"""Ends of jobs that leave nothing but a result: one thread writes those that come up together by one statement."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from psycopg import Connection, DatabaseError, OperationalError
from psycopg_pool import ConnectionPool, PoolTimeout

from impasto.backends.postgres.pools import statement_alone
from impasto.faults import trace_of
from impasto.jobs import ClaimedJob

_LOG = logging.getLogger("impasto.ends")
_MOST: Final = 100
# Where ends came together before, the first of the next waits so long for the others.
_GATHERS_S: Final = 0.001
# Without anything to write the thread goes home after so long; the next end calls another.
_STAYS_S: Final = 5.0

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
    RETURNING j.tenant_id, j.id, j.epoch, j.last_event
), told AS (
    INSERT INTO job_events (tenant_id, job_id, number, type, data)
    SELECT tenant_id, id, last_event, 'job.succeeded', '{}'::jsonb FROM ended
)
SELECT id, epoch FROM ended
"""


@dataclass(frozen=True, slots=True)
class _End:
    job: ClaimedJob
    result: str
    told: Callable[[bool | Exception], None]


class PlainEnds:
    """Whoever ends a job need not wait for its commit: it is told."""

    def __init__(self, pool: ConnectionPool[Connection[Any]]) -> None:
        self._pool = pool
        self._news = threading.Condition()
        self._waiting: list[_End] = []
        self._thread: threading.Thread | None = None

    def soon(self, job: ClaimedJob, result: str, told: Callable[[bool | Exception], None]) -> None:
        """Ends the job with this JSON text, and tells whether it did: True, or nothing was done and why is the answer.

        False: it has to be ended by itself. That is so for a step of a pipeline, an attempt that has lost its job, a
        job whose row somebody holds, and where the database takes the text for no JSON. An error: the database does not
        answer. `told` is called from the thread that writes, which it must not hold up.

        Raises:
            RuntimeError: there is no such thread, and none can be had.
        """
        with self._news:
            if self._thread is None or not self._thread.is_alive():
                thread = threading.Thread(target=self._write_what_comes, name="ends", daemon=True)
                thread.start()
                self._thread = thread
            self._waiting.append(_End(job, result, told))
            self._news.notify()

    def succeed(self, job: ClaimedJob, result: str) -> bool:
        """As `soon`, and waits for the answer.

        Raises:
            OperationalError, PoolTimeout: the database does not answer.
        """
        answers: list[bool | Exception] = []
        answered = threading.Event()

        def told(answer: bool | Exception) -> None:
            answers.append(answer)
            answered.set()

        self.soon(job, result, told)
        answered.wait()
        if isinstance(answers[0], Exception):
            raise answers[0]
        return answers[0]

    def _write_what_comes(self) -> None:
        last = 0
        while self._something_comes():
            if last > 1:
                time.sleep(_GATHERS_S)
            with self._news:
                several, self._waiting = self._waiting[:_MOST], self._waiting[_MOST:]
            last = len(several)
            for end, answer in zip(several, self._end(several), strict=True):
                try:
                    end.told(answer)
                except Exception as error:  # noqa: BLE001  one that cannot be told must not cost the others theirs
                    _LOG.error("the end of %s could not be told\n%s", end.job.id, trace_of(error))

    def _something_comes(self) -> bool:
        with self._news:
            if self._news.wait_for(lambda: self._waiting, _STAYS_S):
                return True
            self._thread = None
            return False

    def _end(self, several: list[_End]) -> list[bool | Exception]:
        try:
            ended = self._end_together(several)
        except (OperationalError, PoolTimeout) as error:
            return [error] * len(several)
        except DatabaseError:
            ended = frozenset()  # one of them is at fault; by itself each is told its own
        except Exception as error:  # noqa: BLE001  a fault of ours: by itself each of them shows it
            _LOG.error("ends together went wrong\n%s", trace_of(error))
            ended = frozenset()
        return [(end.job.id, end.job.epoch) in ended for end in several]

    def _end_together(self, several: list[_End]) -> frozenset[tuple[str, int]]:
        values = {
            "ids": [end.job.id for end in several],
            "epochs": [end.job.epoch for end in several],
            "results": [end.result for end in several],
        }
        with statement_alone(self._pool) as connection:
            return frozenset(connection.execute(_END_TOGETHER, values, prepare=True).fetchall())
