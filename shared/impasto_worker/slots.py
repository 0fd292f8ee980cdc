"""Slots: a bell sets one going; it claims and executes jobs until there is none for it."""

from __future__ import annotations

import logging
import shutil
import tempfile
import threading
import time
from collections import Counter as Count
from collections.abc import Callable
from pathlib import Path
from typing import Final, TypeVar

import prometheus_client as prometheus
from psycopg import OperationalError
from psycopg_pool import PoolTimeout

from impasto.backends.postgres.finishing import PostgresFinisher
from impasto.backends.postgres.queue import PostgresQueue
from impasto.errors import ImpastoError
from impasto.faults import trace_of
from impasto.jobs import ClaimedJob, Shape
from impasto.outcomes import Outcome
from impasto_worker.active import ActiveJob, ActiveJobs
from impasto_worker.handling import Handler, JobContext, Tools
from impasto_worker.lease_keeper import LeaseKeeper
from impasto_worker.runners import RunnerLost, RunnerOutOfMemory
from impasto_worker.stops import Stopped, StopReason

_LOG = logging.getLogger("impasto.slots")
_OTHER_SHAPE_WAITS_S: Final = 30.0
_FINISH_PATIENCE_S: Final = 120.0
_SHAPES: Final[list[Shape]] = ["engine", "pool", "run"]

ENDED: Final = prometheus.Counter("impasto_attempts_ended", "Attempts by kind and how they ended", ["kind", "how"])
LATE: Final = prometheus.Counter("impasto_late_results_refused", "Results refused because the epoch was old")
T = TypeVar("T")


class Slots:
    """All slots of one worker. One shape at a time has the device."""

    def __init__(
        self,
        *,
        queue: PostgresQueue,
        finisher: PostgresFinisher,
        handlers: dict[str, Handler],
        tools: Tools,
        active: ActiveJobs,
        work_folder: Path,
        on_news: Callable[[str], None],
    ) -> None:
        self._queue, self._finisher, self._handlers, self.tools = queue, finisher, handlers, tools
        self.active, self._folder, self._on_news = active, work_folder, on_news
        self.keeper: LeaseKeeper | None = None
        self._draining = False
        self._claiming = threading.Lock()
        self._running: Count[Shape] = Count()

    def work(self) -> int:
        """Claims and executes until there is nothing to do here; how many jobs that were."""
        done = 0
        while (job := self._claim()) is not None:
            try:
                self._execute(job)
            finally:
                with self._claiming:
                    self._running[job.shape] -= 1
            done += 1
        return done

    def drain(self) -> None:
        """No more claims; what runs is given back and costs the jobs nothing."""
        self._draining = True
        for active in self.active.snapshot():
            active.stop(StopReason.DRAINED)

    def _claim(self) -> ClaimedJob | None:
        with self._claiming:
            if self._draining:
                return None
            current = next((shape for shape, count in self._running.items() if count > 0), None)
            try:
                if current and self._queue.another_shape_waits(current, _OTHER_SHAPE_WAITS_S):
                    return None  # drains: the last slot to end its job claims without this limit
                job = self._queue.claim([current] if current else _SHAPES)
            except (OperationalError, PoolTimeout) as error:
                # The bell is spent, but the job waits in the table and the reconciler rings for it again.
                _LOG.warning("nothing claimed, the database does not answer: %s", type(error).__name__)
                return None
            if job is not None:
                self._running[job.shape] += 1
            return job

    def _execute(self, job: ClaimedJob) -> None:
        active, started = ActiveJob(job), time.monotonic()
        self.active.add(active)
        if self.keeper:
            self.keeper.notice()
        if self._draining:
            active.stop(StopReason.DRAINED)  # the drain looked before this job was there
        self._on_news(job.id)
        self._folder.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix=f"{job.id}-", dir=self._folder))
        how = "unknown"
        try:
            how = self._attempt(active, folder)
        finally:
            self.active.remove(active)
            shutil.rmtree(folder, ignore_errors=True)
            ENDED.labels(job.kind, how).inc()
            _LOG.info("%s %s %s in %.2f s", job.kind, job.id, how, time.monotonic() - started)
            self._on_news(job.id)

    def _attempt(self, active: ActiveJob, folder: Path) -> str:
        job = active.job
        try:
            outcome = self._run(active, folder)
            return self._end(lambda: self._finisher.succeed(job, outcome), "succeeded")
        except Stopped as stop:
            return self._stopped(job, stop.reason)
        except RunnerLost:
            return self._give_back(job, "runner_lost")
        except RunnerOutOfMemory:
            return self._give_back(job, "out_of_memory")
        except ImpastoError as error:
            record = error.as_record()
        except Exception as error:  # noqa: BLE001  the edge of an attempt
            # The edge of an attempt: a fault of ours ends this job with a name, not the worker.
            _LOG.error("%s %s failed\n%s", job.kind, job.id, trace_of(error))
            record = {"code": "internal_error", "message": "a fault in Impasto itself; its log has the details"}
        return self._end(lambda: self._finisher.fail(job, record), "failed")

    def _run(self, active: ActiveJob, folder: Path) -> Outcome:
        handler = self._handlers[active.job.kind]
        context = JobContext(active, self.tools, folder)
        outcome = handler.run(context, handler.kind.params.model_validate(active.job.params))
        return Outcome(outcome.result, context.stored, outcome.records, outcome.edges)

    def _stopped(self, job: ClaimedJob, reason: StopReason) -> str:
        match reason:
            case StopReason.CANCELED:
                return self._end(lambda: self._finisher.cancel(job), "canceled")
            case StopReason.DRAINED:
                return self._give_back(job, "drained")
            case StopReason.LEASE_LOST:
                LATE.inc()
                return "lease_lost"
            case StopReason.DEADLINE_MISSED | StopReason.TIME_LIMIT:
                message = {
                    StopReason.DEADLINE_MISSED: "the job did not end before its deadline",
                    StopReason.TIME_LIMIT: f"the job ran longer than the {job.run_limit_s:g} s its kind allows",
                }[reason]
                record = {"code": reason.value, "message": message}
                return self._end(lambda: self._finisher.fail(job, record), "failed")

    def _give_back(self, job: ClaimedJob, cause: str) -> str:
        _patiently(lambda: self._queue.give_back(job, cause))
        return cause

    def _end(self, finish: Callable[[], bool], how: str) -> str:
        if _patiently(finish):
            return how
        LATE.inc()
        return "late_result_refused"


def _patiently(action: Callable[[], T]) -> T:
    """Tries for two minutes: the work is done, and the fence decides whether it still counts."""
    deadline, pause_s = time.monotonic() + _FINISH_PATIENCE_S, 0.2
    while True:
        try:
            return action()
        except (OperationalError, PoolTimeout) as error:
            if time.monotonic() > deadline:
                raise
            _LOG.warning("the end of a job could not be written yet: %s", type(error).__name__)
            time.sleep(pause_s)
            pause_s = min(pause_s * 2, 5.0)
