"""Retention: what goes after a time, in small parts with pauses, beside the sweeps that must not wait for it."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from prometheus_client import Counter
from psycopg import Connection, Error
from psycopg_pool import ConnectionPool, PoolTimeout

from impasto.artifacts import read_key
from impasto.backends.objects import S3Objects, StoredObject
from impasto.backends.postgres import orphans
from impasto.backends.postgres.retention import OBJECTS, PART, PIPELINES, PostgresRetention
from impasto.errors import Unavailable
from impasto.faults import trace_of
from impasto.settings import Settings

_LOG = logging.getLogger("impasto.tidying")
_EVERY_S: Final = 60.0
_PAUSE_S: Final = 0.2
_GRACE_S: Final = 86_400.0
_WALK: Final = "objects"
_RESTS_S: Final = 86_400.0
_PAGE: Final = 1000

REMOVED: Final = Counter("impasto_removed", "What retention removed, by what it is", ["what"])


@dataclass(frozen=True, slots=True)
class Kept:
    """For how long: days of events and jobs after a job's end (0: for ever), seconds of what nobody refers to."""

    events_days: int
    jobs_days: int
    grace_s: float = _GRACE_S

    @classmethod
    def by(cls, settings: Settings) -> Kept:
        return cls(int(settings.keep_events_days), int(settings.keep_jobs_days))


class Tidier:
    """A thread that does a round each minute; a round can also be done by whoever has one."""

    def __init__(
        self, pool: ConnectionPool[Connection[Any]], objects: S3Objects, kept: Kept, *, pause_s: float = _PAUSE_S
    ) -> None:
        self._pool, self._retention = pool, PostgresRetention(pool)
        self._objects, self._kept, self._pause_s = objects, kept, pause_s
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="tidier", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Ends after the part that is being done."""
        self._ended.set()
        self._thread.join(timeout=10)

    def _run(self) -> None:
        while not self._ended.wait(_EVERY_S):
            self.round()

    def round(self) -> None:
        """All that is due, and a page of the store. A part of the platform that does not answer is asked next time."""
        for do in (self._tidy_jobs, self._remove_unused, self._walk):
            try:
                do()
            except (Error, PoolTimeout) as error:
                _LOG.warning("nothing tidied, the database does not answer or refuses: %s", type(error).__name__)
            except Unavailable as error:
                _LOG.warning("objects stay, the store does not answer: %s", error.code)
            except Exception as error:  # noqa: BLE001  without this thread nothing would be tidied any more
                _LOG.error("tidying went wrong\n%s", trace_of(error))

    def _tidy_jobs(self) -> None:
        events, jobs = self._kept.events_days, self._kept.jobs_days
        # A job that is looked at for the last time has lost its log by then.
        events = min(events, jobs) if events and jobs else events
        if events:
            self._all("events", PART, lambda: (self._retention.forget_events(events),) * 2)
        if jobs:
            self._all(
                "pipelines", PIPELINES, lambda: (self._retention.forget_pipelines(jobs, after_events=bool(events)),) * 2
            )
            self._all("jobs", PART, lambda: self._retention.forget_jobs(jobs, after_events=bool(events)))
            self._all("schedule runs", PART, lambda: (self._retention.forget_runs(jobs),) * 2)

    def _remove_unused(self) -> None:
        grace_s = self._kept.grace_s
        self._all("artifacts", OBJECTS, lambda: (self._retention.remove_unused(grace_s, self._objects.remove),) * 2)

    def _all(self, what: str, part: int, do: Callable[[], tuple[int, int]]) -> None:
        """Part by part until one is not full."""
        while not self._ended.is_set():
            looked_at, removed = do()
            REMOVED.labels(what).inc(removed)
            if looked_at < part:
                return
            self._ended.wait(self._pause_s)

    def _walk(self) -> None:
        """One page of the store. At its end the walk rests for a day."""
        with self._pool.connection() as connection:
            after = orphans.where_to_go_on(connection, _WALK)
            if after is None:
                return
            page = self._objects.page(after, _PAGE)
            self._look_at([each for each in page if self._is_old(each)])
            if len(page) < _PAGE:
                orphans.go_on(connection, _WALK, "", _RESTS_S)
            else:
                orphans.go_on(connection, _WALK, page[-1].key)

    def _is_old(self, found: StoredObject) -> bool:
        grace = timedelta(seconds=self._kept.grace_s)
        return found.modified_at is not None and found.modified_at <= datetime.now(UTC) - grace

    def _look_at(self, found: list[StoredObject]) -> None:
        keys = [(key, each.key) for each in found if (key := read_key(each.key))]
        artifacts = [(key.tenant_id, key.sha256) for key, _ in keys if key.sha256]
        for start in range(0, len(artifacts), OBJECTS):
            with self._pool.connection() as connection:
                part = artifacts[start : start + OBJECTS]
                REMOVED.labels("orphans").inc(orphans.remove_orphans(connection, part, self._objects.remove))
            self._ended.wait(self._pause_s)
        states = [((key.tenant_id, key.job_id), text) for key, text in keys if key.job_id]
        with self._pool.connection() as connection:
            over = orphans.jobs_over(connection, [job for job, _ in states])
        for job, text in states:
            if job in over:
                self._objects.remove_run(text)
                REMOVED.labels("states").inc()
