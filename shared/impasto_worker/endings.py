"""Ends that are written while their slots go on: short jobs would wait for a commit each otherwise."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextvars import copy_context

from impasto.backends.postgres.finishing import PostgresFinisher
from impasto.backends.telemetry import spans
from impasto.jobs import ClaimedJob
from impasto.outcomes import Outcome


class Endings:
    """At most so many at once: a database that is slow to write holds the slots up, and not the worker's memory."""

    def __init__(self, finisher: PostgresFinisher, most: int) -> None:
        self._finisher, self._most = finisher, most
        self._room = threading.Semaphore(most)

    def soon(self, job: ClaimedJob, outcome: Outcome, told: Callable[[bool | None], None]) -> bool:
        """Whether the end is being written: then `told` hears whether it was. If it was not, `told` may take its time.

        False, and nothing is done: if more than a result is to become visible; if its tenant's next job may wait for
        this end, and so for this slot to ask again; if there are too many already; or if the attempt is recorded in a
        trace, which is to hold its end. `told` hears None if no thread could be had for what takes its time.
        """
        if not outcome.is_plain or job.capped or spans.recorded() or not self._room.acquire(blocking=False):
            return False
        context = copy_context()  # what its log lines have in common

        def over(ended: bool | None) -> None:
            try:
                context.run(told, ended)
            finally:
                self._room.release()

        def answered(ended: bool) -> None:
            if ended:
                over(True)
                return
            try:
                threading.Thread(target=over, args=[False], name=f"end-{job.id[-6:]}", daemon=True).start()
            except RuntimeError:
                over(None)

        try:
            self._finisher.succeed_soon(job, outcome, answered)
        except BaseException:
            self._room.release()
            raise
        return True

    def wait(self, most_s: float) -> None:
        """Until all that were begun are told; for good, since nothing is begun after it."""
        deadline = time.monotonic() + most_s
        for _ in range(self._most):
            self._room.acquire(timeout=max(0.0, deadline - time.monotonic()))
