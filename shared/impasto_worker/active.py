"""The jobs that this worker runs at this moment, and how each is stopped."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Protocol

from impasto.jobs import ClaimedJob
from impasto_worker.stops import Stopped, StopReason


class Stoppable(Protocol):
    """What computes for a job: a child, or its call in an engine."""

    def kill(self) -> None:
        """Ends it, without waiting; may be called again."""
        ...


class ActiveJob:
    """A claimed job in a slot. `stop` may be called from any thread; the first reason counts."""

    def __init__(self, job: ClaimedJob, no_progress_s: float | None = None) -> None:
        """`no_progress_s`: how long what computes may tell no progress; None: as long as it likes."""
        self.job = job
        self._no_progress_s = no_progress_s
        # When what computes was last heard of; None while nothing does.
        self._heard: float | None = None
        self.since = time.monotonic()
        self._reason: StopReason | None = None
        self._children: set[Stoppable] = set()
        self._leave: Callable[[], None] | None = None
        self._computes = False
        self._lock = threading.Lock()

    def stop(self, reason: StopReason) -> None:
        """Kills what computes for this job; its slot unwinds by `Stopped`."""
        with self._lock:
            self._reason = self._reason or reason
            # Under the lock: a child that was detached meanwhile may compute for somebody else by now.
            for child in self._children:
                child.kill()

    def heard(self) -> None:
        """What computes has told how far it is."""
        with self._lock:
            if self._heard is not None:
                self._heard = time.monotonic()

    def hangs(self) -> bool:
        """Whether what computes has told nothing for too long. Waiting, fetching and storing is no computing."""
        heard, limit_s = self._heard, self._no_progress_s
        return heard is not None and limit_s is not None and time.monotonic() - heard > limit_s

    @property
    def can_leave(self) -> bool:
        """Whether what computes at this moment can keep what it has and end."""
        return self._leave is not None

    def leave(self) -> bool:
        """Asks what computes for this job to keep what it has and to end; False, and nothing done, if it cannot."""
        with self._lock:
            if self._leave is None or self._reason is not None:
                return False
            self._leave()
            return True

    def check(self) -> None:
        """Raises:
        Stopped: the job is to stop.
        """
        if self._reason is not None:
            raise Stopped(self._reason)

    def attach(self, child: Stoppable, *, waits: bool = False, leave: Callable[[], None] | None = None) -> None:
        """From here on, stopping the job kills this child; unless it still `waits`, the job computes from here on.

        `leave`: asks the child to keep what it has and to end, if it can; does not wait for it.
        """
        with self._lock:
            self._children.add(child)
            self._leave = leave
        if not waits:
            self.computes()
        self.check()

    def computes(self) -> None:
        """Waiting for a runner is not running: the limits of time count from when this is told."""
        with self._lock:
            if not self._computes:
                self.since, self._computes = time.monotonic(), True
            self._heard = time.monotonic()

    def detach(self, child: Stoppable) -> None:
        with self._lock:
            self._children.discard(child)
            self._heard = time.monotonic() if self._children else None
            self._leave = None


class ActiveJobs:
    """All of them, by (job, epoch). `newest_at`: when the last one came, by the clock."""

    def __init__(self) -> None:
        self.newest_at = time.time()
        self._busy_s = self._busy_since = 0.0
        self._jobs: dict[tuple[str, int], ActiveJob] = {}
        self._lock = threading.Lock()

    def add(self, active: ActiveJob) -> None:
        with self._lock:
            self.newest_at = time.time()
            if not self._jobs:
                self._busy_since = time.monotonic()
            self._jobs[active.job.id, active.job.epoch] = active

    def remove(self, active: ActiveJob) -> None:
        with self._lock:
            del self._jobs[active.job.id, active.job.epoch]
            if not self._jobs:
                self._busy_s += time.monotonic() - self._busy_since

    def occupied(self) -> tuple[int, float]:
        """How many there are, and for how many seconds, up to now, there has been at least one."""
        with self._lock:
            return len(self._jobs), self._busy_s + (time.monotonic() - self._busy_since if self._jobs else 0.0)

    def snapshot(self) -> list[ActiveJob]:
        with self._lock:
            return list(self._jobs.values())
