"""Progress and previews: the newest of each job, written at most four times a second for the whole worker."""

from __future__ import annotations

import logging
import threading
import time
from typing import Final

from psycopg import OperationalError
from psycopg_pool import PoolTimeout

from impasto.backends.postgres.queue import PostgresQueue
from impasto.faults import trace_of
from impasto.jobs import ClaimedJob, Progress

_LOG = logging.getLogger("impasto.progress")
_EVERY_S: Final = 0.25


class ProgressWriter:
    """`tell` never waits; what is overtaken by a newer value is not written."""

    def __init__(self, queue: PostgresQueue) -> None:
        self._queue = queue
        self._newest: dict[tuple[str, int], Progress] = {}
        self._previews: dict[tuple[str, int], bytes] = {}
        self._changed = threading.Condition()
        threading.Thread(target=self._write_for_ever, name="progress", daemon=True).start()

    def tell(self, job: ClaimedJob, progress: Progress) -> None:
        with self._changed:
            self._newest[job.id, job.epoch] = progress
            self._changed.notify()

    def show(self, job: ClaimedJob, jpeg: bytes) -> None:
        """What is being drawn, as a small JPEG."""
        with self._changed:
            self._previews[job.id, job.epoch] = jpeg
            self._changed.notify()

    def _write_for_ever(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._newest or self._previews)
                newest, self._newest = self._newest, {}
                previews, self._previews = self._previews, {}
            try:
                self._queue.tell_progress(newest, previews)
            except (OperationalError, PoolTimeout) as error:
                _LOG.debug("progress was not written: %s", type(error).__name__)
            except Exception as error:  # noqa: BLE001  one job's odd value must not end every job's progress
                _LOG.error("progress was not written\n%s", trace_of(error))
            time.sleep(_EVERY_S)
