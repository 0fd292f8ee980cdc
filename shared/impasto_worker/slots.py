"""Slots: a bell sets one going; it claims and executes jobs until there is none for it."""

from __future__ import annotations

import logging
import math
import threading
import time
from collections import Counter as Count
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, TypeVar

from psycopg import DatabaseError, OperationalError
from psycopg_pool import PoolTimeout

from impasto.backends.postgres.failures import expect_failures
from impasto.backends.postgres.finishing import PostgresFinisher
from impasto.backends.postgres.queue import Claims, PostgresQueue
from impasto.errors import ImpastoError, Unavailable
from impasto.faults import trace_of
from impasto.jobs import SHAPES, ClaimedJob, Shape
from impasto.logs import LogLevel
from impasto.outcomes import Outcome
from impasto_worker.active import ActiveJob, ActiveJobs
from impasto_worker.attempt_faults import record_of
from impasto_worker.attempt_figures import LATE, count_end, count_start, expect_attempts
from impasto_worker.attempt_trace import tell_ended, traced_attempt, traced_claim, traced_finish
from impasto_worker.endings import Endings
from impasto_worker.handling import Handler, JobContext, Tools
from impasto_worker.job_folder import JobFolder
from impasto_worker.lease_keeper import LeaseKeeper
from impasto_worker.patience import END_PATIENCE_S, end_patiently
from impasto_worker.runners import RunnerLost, RunnerOutOfMemory
from impasto_worker.stops import Stopped, StopReason

_LOG = logging.getLogger("impasto.slots")
_OTHER_SHAPE_WAITS_S: Final = 30.0
_LOOKS_AT_OTHERS_S: Final = 1.0
# The shapes of which several are claimed at once.
_SHARED: Final[tuple[Shape, Shape]] = ("engine", "pool")
# An outage of the store has lasted longer than an attempt is patient with: its job tries again after so long.
_STORE_PAUSE_S: Final = 60.0
# What can keep its state when the worker is told to stop has so long for it: half of what supervisors wait.
_LEAVE_S: Final = 10.0
# A slot that waits to ask again hears no bell: it looks at least so often for what came meanwhile.
_LOOKS_AGAIN_S: Final = 0.5
# After a claim of several, whoever claims next waits so long for those that end theirs at the same moment.
_GATHERS_S: Final = 0.001
# Of an attempt whose end is being written: how it ended is not known yet.
_TOLD_LATER: Final = "told later"

T = TypeVar("T")


class Slots:
    """All slots of one worker. One shape at a time has the device; `places` says how many of each may run at once."""

    def __init__(
        self,
        *,
        queue: PostgresQueue,
        finisher: PostgresFinisher,
        handlers: dict[str, Handler],
        tools: Tools,
        active: ActiveJobs,
        work_folder: Path,
        on_news: Callable[[ClaimedJob], None],
        call_slots: Callable[[], None] = lambda: None,
        places: Mapping[Shape, int] | None = None,
        ring: Callable[[str], None] = lambda _: None,
        leave_s: float = _LEAVE_S,
        ring_worker: Callable[[str], None] = lambda _: None,
        loaded: Callable[[], Iterable[str]] = lambda: (),
        say: Callable[[ClaimedJob, str, LogLevel], None] = lambda *_: None,
    ) -> None:
        """`say` puts a line into a job's log, before what it tells of is done."""
        self._queue, self._finisher, self._handlers, self.tools = queue, finisher, handlers, tools
        self.active, self._folder, self._on_news = active, work_folder, on_news
        self.keeper: LeaseKeeper | None = None
        self._call_slots, self._places, self._ring = call_slots, places or {}, ring
        self._leave_s = leave_s
        self._ring_worker, self._loaded, self._say = ring_worker, loaded, say
        self._draining = threading.Event()
        self._drained: Shape | None = None
        self._others_wait = False
        self._turned_away = self._company = self._sent_home = False
        self._claiming = threading.Lock()
        self._running: Count[Shape] = Count()
        self._wanted: Count[str] = Count()
        # Slots that wait to claim share the statement of the one before them: it claims for all of them. What is
        # counted has a lock of its own: a slot that ends a job must not wait for another's claim to say so.
        self._counting = threading.Lock()
        self._asking = self._last_claimed = 0
        # Of the attempts that only write their end: their slots ask next, and a claim takes jobs for them as well.
        self._ending: set[tuple[str, int]] = set()
        self._endings = Endings(finisher, self._places.get("pool", 1))
        self._look_at_others = 0.0
        self._handed: deque[ClaimedJob] = deque()
        self._asks_again = False
        expect_attempts(handlers)
        expect_failures(handlers)

    @property
    def kinds(self) -> list[str]:
        """What these slots can run."""
        return sorted(self._handlers)

    def handed(self) -> list[str]:
        """The jobs that were claimed for slots which have not come for them yet."""
        return [job.id for job in self._handed.copy()]

    def work(self) -> bool:
        """Claims and executes until there is nothing to do here; whether there was anything."""
        rung: set[str] = set()
        worked = False
        while (claimed := self._claim()) is not None:
            if isinstance(claimed, Claims):
                if not self._wait(claimed, rung):
                    return worked
                continue
            worked = True
            try:
                if self._wants_company():
                    self._call_slots()
                traced_attempt(claimed, self._execute)
            except BaseException:
                # Whoever was claimed for this slot must not wait for it.
                if self._handed:
                    self._call_slots()
                raise
            finally:
                with self._counting:
                    self._running[claimed.shape] -= 1
                    self._ending.discard((claimed.id, claimed.epoch))
                    self._wanted -= Count([claimed.affinity])
                    others_wait, self._others_wait = self._others_wait, False
            if others_wait:
                self._call_slots()
        return worked

    def _wait(self, claims: Claims, rung: set[str]) -> bool:
        """Until it is time to ask again; at once and False if another slot waits already.

        The worker to which a job is left is rung: this slot's bell was meant for it.
        """
        if claims.holder and claims.holder not in rung:
            rung.add(claims.holder)
            self._ring_worker(claims.holder)
        with self._claiming:
            if self._asks_again:
                self._sent_home = True
                return False
            self._asks_again = True
        self._draining.wait(min(claims.again_s or 0.0, _LOOKS_AGAIN_S))
        with self._claiming:
            self._asks_again = False
        return True

    def drain(self) -> None:
        """No more claims; what runs is given back and costs the jobs nothing.

        A job whose computation can keep its state has `leave_s` seconds for that; then it is given back as it is.
        """
        self._draining.set()
        for active in self.active.snapshot():
            if active.leave():
                timer = threading.Timer(self._leave_s, self._let_go, [active])
                timer.daemon = True
                timer.start()
            else:
                active.stop(StopReason.DRAINED)

    def finish(self) -> None:
        """Waits for the ends that are still being written, as long as for any end; after the last slot went home."""
        self._endings.wait(END_PATIENCE_S)

    def _let_go(self, active: ActiveJob) -> None:
        late = active.can_leave
        active.stop(StopReason.DRAINED)
        if late:
            _LOG.warning("%s did not keep its state within %g s", active.job.id, self._leave_s)
            # Not left to its slot, which may still be waiting for the store when this process is ended.
            self._give_back(active.job, "drained")

    def _claim(self) -> ClaimedJob | Claims | None:
        """A job; or when to ask again; or nothing."""
        with self._counting:
            self._asking += 1
        with self._claiming:
            with self._counting:
                self._asking -= 1
            if self._handed:
                return self._handed.popleft()
            if self._draining.is_set():
                return None
            with self._counting:
                current = next((shape for shape, count in self._running.items() if count > 0), None)
            if current and self._running[current] >= self._places.get(current, math.inf):
                self._turned_away = True
                return None  # whoever of this shape ends first looks for the next
            try:
                if current and self._another_shape_waits(current):
                    self._drained = current  # the last slot to end its job takes one of the shape that waits
                    return None
                claims = self._next(current)
            except (OperationalError, PoolTimeout) as error:
                # The bell is spent, but the job waits in the table and the reconciler rings for it again.
                _LOG.warning("nothing claimed, the database does not answer: %s", type(error).__name__)
                return None
            if claims.jobs:
                # Bells that came for this shape while another had the device were spent: ring for them again.
                # So were those of slots that went home because another of them waited.
                self._company = self._sent_home or (current is None and self._turned_away)
                self._sent_home = False
            self._turned_away = current is not None and (self._turned_away or not claims.jobs)
            return self._share_out(claims)

    def _share_out(self, claims: Claims) -> ClaimedJob | Claims | None:
        if claims.jobs:
            with self._counting:
                self._running.update(job.shape for job in claims.jobs)
                self._wanted.update(job.affinity for job in claims.jobs)
            self._handed.extend(claims.jobs[1:])
            return claims.jobs[0]
        return None if claims.again_s is None else claims

    def _wants_company(self) -> bool:
        if not self._company:
            return False  # no job waits for another slot's claim; it is set before its own slot has left its claim
        with self._claiming:
            company, self._company = self._company, False
            return company

    def _next(self, current: Shape | None) -> Claims:
        """Of the running shape; if nothing runs, first of the shapes that another was drained for, then of any."""
        if current:
            return self._ask([current])
        drained, self._drained = self._drained, None
        if drained and (claims := self._ask([shape for shape in SHAPES if shape != drained])).jobs:
            # The other slots went home for this one; they are called back when it ends.
            self._others_wait = True
            return claims
        return self._ask(SHAPES)

    def _ask(self, shapes: Sequence[Shape]) -> Claims:
        """For this slot and for those that wait behind it, as far as there are places for the shape."""
        if self._last_claimed > 1:
            self._draining.wait(_GATHERS_S)
        with self._counting:
            ask = 1 + self._asking + len(self._ending)
            free = {shape: self._places.get(shape, math.inf) - self._running[shape] for shape in _SHARED}
            most, most_pool = (max(1, int(min(ask, free[shape] + len(self._ending)))) for shape in _SHARED)
            held = {*filter(None, self._wanted)}
        held |= {*self._loaded()}
        claims = traced_claim(lambda: self._queue.claim_some(shapes, most=most, most_pool=most_pool, held=held))
        self._last_claimed = len(claims.jobs)
        return claims

    def _another_shape_waits(self, current: Shape) -> bool:
        """A no holds for a second: what is asked for has waited for long."""
        if time.monotonic() < self._look_at_others:
            return False
        if self._queue.another_shape_waits(current, _OTHER_SHAPE_WAITS_S):
            return True
        self._look_at_others = time.monotonic() + _LOOKS_AT_OTHERS_S
        return False

    def _execute(self, job: ClaimedJob) -> None:
        handler = self._handlers.get(job.kind)
        active = ActiveJob(job, job.no_progress_s or (handler.kind.no_progress_s if handler else None))
        started, how = time.monotonic(), "unknown"
        self.active.add(active)
        count_start(job, self._handlers)
        try:
            if self.keeper:
                self.keeper.notice()
            if self._draining.is_set():
                active.stop(StopReason.DRAINED)  # the drain looked before this job was there
            self._on_news(job)
            how = self._attempt(active, started)
        finally:
            if how != _TOLD_LATER:
                self._over(active, how, started)

    def _over(self, active: ActiveJob, how: str, started: float) -> None:
        job, took_s = active.job, time.monotonic() - started
        self.active.remove(active)
        tell_ended(how)
        count_end(job, how, took_s)
        _LOG.info("%s %s %s in %.2f s", job.kind, job.id, how, took_s)
        self._on_news(job)

    def _attempt(self, active: ActiveJob, started: float) -> str:
        job = active.job
        try:
            outcome = self._run(active)
        except Stopped as stop:
            return self._stopped(job, stop.reason)
        except RunnerLost as lost:
            return self._give_back(job, lost.cause)
        except RunnerOutOfMemory as lack:
            return self._give_back(job, lack.cause)
        except (OperationalError, PoolTimeout):
            return self._give_back(job, "database_lost")
        except Unavailable as error:
            return self._give_back_resumable(job) or self._fail(job, error.as_record())
        except ImpastoError as error:
            return self._fail(job, error.as_record())
        except Exception as error:  # noqa: BLE001  the edge of an attempt
            # A fault of ours ends this job with a name, not the worker.
            return self._fail_by_fault(job, error)
        if self._endings.soon(job, outcome, lambda ended: self._told(active, outcome, started, ended)):
            return _TOLD_LATER
        with self._counting:
            self._ending.add((job.id, job.epoch))
        return self._succeed(job, outcome)

    def _told(self, active: ActiveJob, outcome: Outcome, started: float, ended: bool | None) -> None:
        """The slot that ran it has gone on long since. None: nobody can end it, and its lease runs out."""
        how = "unfinished"
        try:
            if ended is not None:
                how = "succeeded" if ended else self._succeed(active.job, outcome, by_itself=True)
        finally:
            self._over(active, how, started)

    def _run(self, active: ActiveJob) -> Outcome:
        handler = self._handlers[active.job.kind]
        folder = JobFolder(self._folder, active.job.id)
        try:
            context = JobContext(active, self.tools, folder)
            outcome = handler.run(context, handler.kind.params.model_validate(active.job.params))
            return replace(outcome, artifacts=context.stored)
        finally:
            folder.remove()

    def _succeed(self, job: ClaimedJob, outcome: Outcome, *, by_itself: bool = False) -> str:
        try:
            how = self._end(lambda: self._finisher.succeed(job, outcome, by_itself=by_itself), "succeeded")
        except (OperationalError, PoolTimeout):
            # Nobody can be told. The lease runs out, and another attempt does the work again.
            _LOG.error("%s %s could not be finished: the database does not answer", job.kind, job.id)
            return "unfinished"
        except DatabaseError as error:
            return self._fail_by_fault(job, error)
        if how == "succeeded":
            for queue in {follow_up.kind.queue for follow_up in outcome.follow_ups}:
                self._ring(queue)
        return how

    def _fail_by_fault(self, job: ClaimedJob, error: Exception) -> str:
        """A fault of ours, whose place goes into the logs; its words do not."""
        trace = trace_of(error)
        _LOG.error("%s %s failed\n%s", job.kind, job.id, trace)
        self._say(job, trace, "error")
        return self._fail(job, record_of(error))

    def _fail(self, job: ClaimedJob, record: dict[str, Any]) -> str:
        self._say(job, f"failed: {record['code']}", "error")
        return self._end(lambda: self._finisher.fail(job, record), "failed")

    def _stopped(self, job: ClaimedJob, reason: StopReason) -> str:
        match reason:
            case StopReason.CANCELED:
                return self._end(lambda: self._finisher.cancel(job), "canceled")
            case StopReason.DRAINED:
                return self._give_back(job, "drained")
            case StopReason.NO_PROGRESS:
                return self._give_back(job, "no_progress")
            case StopReason.LEASE_LOST:
                LATE.inc()
                return "lease_lost"
            case StopReason.DEADLINE_MISSED | StopReason.TIME_LIMIT:
                message = {
                    StopReason.DEADLINE_MISSED: "the job did not end before its deadline",
                    StopReason.TIME_LIMIT: f"the job ran longer than the {job.run_limit_s:g} s its kind allows",
                }[reason]
                return self._fail(job, {"code": reason.value, "message": message})

    def _give_back(self, job: ClaimedJob, cause: str) -> str:
        self._say(job, f"given back: {cause}", "info" if cause == "drained" else "warning")
        end_patiently(lambda: self._queue.give_back(job, cause))
        return cause

    def _give_back_resumable(self, job: ClaimedJob) -> str | None:
        """None, and nothing is changed, if there is no state that another attempt could go on from."""
        moved = end_patiently(lambda: self._queue.give_back_resumable(job, "storage_lost", _STORE_PAUSE_S))
        return "storage_lost" if moved else None

    def _end(self, finish: Callable[[], bool], how: str) -> str:
        if traced_finish(how, lambda: end_patiently(finish)):
            return how
        LATE.inc()
        return "late_result_refused"
