"""Log lines of jobs: collected from handlers and runners, written twice a second for the whole worker."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from typing import Final

from psycopg import OperationalError
from psycopg_pool import PoolTimeout

from impasto.backends.postgres.logs import NewLine, PostgresLogs
from impasto.faults import trace_of
from impasto.jobs import ClaimedJob
from impasto.logs import MOST_LINES, LogLevel, lines_of

_LOG = logging.getLogger("impasto.logs")
_EVERY_S: Final = 0.5
# While the database does not answer, lines of so many jobs are kept; of the others the oldest go.
_MOST_JOBS: Final = 256

_Said = tuple[float, LogLevel, str]


class LogWriter:
    """`say` never waits; of each attempt the last lines are kept until they are written."""

    def __init__(self, logs: PostgresLogs) -> None:
        self._logs = logs
        self._waiting: dict[tuple[str, int], deque[_Said]] = {}
        self._changed = threading.Condition()
        self._writing = threading.Lock()
        threading.Thread(target=self._write_for_ever, name="logs", daemon=True).start()

    def say(self, job: ClaimedJob, message: str, level: LogLevel = "info") -> None:
        """A message of ours about a job: facts and never what a customer sent. Each of its lines is cut to size."""
        now = time.monotonic()
        with self._changed:
            key = (job.id, job.epoch)
            if key not in self._waiting:
                while len(self._waiting) >= _MOST_JOBS:
                    del self._waiting[next(iter(self._waiting))]
                self._waiting[key] = deque(maxlen=MOST_LINES)
            self._waiting[key] += [(now, level, line) for line in lines_of(message)]
            self._changed.notify()

    def say_now(self, job: ClaimedJob, message: str, level: LogLevel = "info") -> None:
        """Says and writes, while the attempt has the job still: afterwards its lines may be refused."""
        self.say(job, message, level)
        self.flush()

    def flush(self) -> None:
        """Writes what waits, now; for the end of the process. What cannot be written is kept for the next time."""
        with self._writing:
            with self._changed:
                waiting, self._waiting = self._waiting, {}
            now = time.monotonic()
            lines = [
                NewLine(job_id, epoch, now - at, level, message)
                for (job_id, epoch), said in waiting.items()
                for at, level, message in said
            ]
            if not lines:
                return
            try:
                self._logs.append(lines)
            except (OperationalError, PoolTimeout) as error:
                _LOG.debug("log lines wait: %s", type(error).__name__)
                self._keep(waiting)
            except Exception as error:  # noqa: BLE001  one job's odd line must not end every job's log
                _LOG.error("log lines were not written\n%s", trace_of(error))

    def _keep(self, waiting: dict[tuple[str, int], deque[_Said]]) -> None:
        with self._changed:
            for key, newer in self._waiting.items():
                waiting.setdefault(key, deque(maxlen=MOST_LINES)).extend(newer)
            self._waiting = waiting

    def _write_for_ever(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting)
            self.flush()
            time.sleep(_EVERY_S)
