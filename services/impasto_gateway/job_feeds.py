"""Jobs that are followed: one look at a job for all its readers, and one question for all jobs of a tenant."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections import defaultdict
from collections.abc import AsyncGenerator, Iterable
from typing import Any, Final

from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from impasto.backends.postgres.events import MOST_EVENTS, JobLook, look_at_jobs
from impasto.backends.postgres.jobs import events_after
from impasto.backends.postgres.pools import tenant_transaction
from impasto.errors import Unavailable
from impasto.faults import trace_of
from impasto.jobs import JobState, Progress
from impasto_gateway.awakening import POLL_S
from impasto_gateway.tails import Tail, changed_within

_LOG = logging.getLogger("impasto.events")
KEEP_ALIVE_S: Final = 15.0
STILL_HERE: Final = b": still here\n\n"
# Progress is state and is told to nobody: a job that runs is looked at more often than one that waits.
_PROGRESS_POLL_S: Final = 0.5
_TICK_S: Final = 0.25
# News that come at the same time share a question.
_GATHER_S: Final = 0.02
_MOST_JOBS: Final = 500
_MOST_QUESTIONS: Final = 4

Pool = AsyncConnectionPool[AsyncConnection[Any]]


def frame(event: str, data: dict[str, Any], place: object = None) -> bytes:
    """A server-sent event; `place` is what a reader names to resume after it."""
    head = f"id: {place}\n" if place is not None else ""
    return f"{head}event: {event}\ndata: {json.dumps(data, separators=(',', ':'))}\n\n".encode()


class JobFeed:
    """One job that somebody follows, as it was last seen."""

    def __init__(self, tenant_id: str, job_id: str) -> None:
        self.tenant_id, self.job_id = tenant_id, job_id
        self.readers = 0
        self.number = 0
        self.tail: Tail[int, bytes] = Tail(0, MOST_EVENTS)
        self.progress = b""
        self.over = False
        self.looks_at = 0.0
        self._told = Progress()

    def take(self, look: JobLook | None) -> bool:
        """Notes what was seen, None if the job is gone, and wakes the readers. Whether there is more to see at once."""
        changed, more = False, False
        if look is None:
            self.over = changed = True
        else:
            for event in look.events:
                self.tail.add(event.number, frame(event.type, event.model_dump(mode="json"), event.number))
                self.number, changed = event.number, True
            more = len(look.events) == MOST_EVENTS
            if look.progress and look.progress != self._told:
                self._told, changed = look.progress, True
                self.progress = frame("progress", look.progress.model_dump(mode="json"))
            if look.state.is_final and not more:
                self.over = changed = True
            self.looks_at = time.monotonic() + (_PROGRESS_POLL_S if look.state is JobState.RUNNING else POLL_S)
        if changed:
            self.tail.tell()
        return more


class JobFeeds:
    """All jobs that are followed through this process."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._feeds: dict[str, JobFeed] = {}
        self._due: set[str] = set()
        self._news = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._questions = asyncio.Semaphore(_MOST_QUESTIONS)

    def start(self) -> None:
        self._task = asyncio.create_task(self._look_for_ever())

    async def stop(self) -> None:
        if self._task:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def hear(self, job_id: str | None) -> None:
        """There is news of this job; None: maybe of any."""
        if job_id is None:
            self._due |= self._feeds.keys()
        elif job_id in self._feeds:
            self._due.add(job_id)
        else:
            return
        self._news.set()

    async def follow(self, tenant_id: str, job_id: str, number: int) -> AsyncGenerator[bytes, None]:
        """The job's events after that number and its progress in between, as server-sent events; ends with the job."""
        feed, told = self._enter(tenant_id, job_id), b""
        try:
            while True:
                changes = feed.tail.changes
                found = feed.tail.after(number)
                if found is None:
                    found = await self._read_back(feed, number)
                for place, told_event in found:
                    number = place
                    yield told_event
                if found:
                    continue  # while these were sent, others may have come
                if feed.over:
                    return
                if feed.progress != told:
                    told = feed.progress
                    yield told
                if not await changed_within(changes, KEEP_ALIVE_S):
                    yield STILL_HERE
        finally:
            self._leave(feed)

    def _enter(self, tenant_id: str, job_id: str) -> JobFeed:
        feed = self._feeds.get(job_id)
        if feed is None:
            feed = self._feeds[job_id] = JobFeed(tenant_id, job_id)
            self.hear(job_id)
        feed.readers += 1
        return feed

    def _leave(self, feed: JobFeed) -> None:
        feed.readers -= 1
        if not feed.readers and self._feeds.get(feed.job_id) is feed:
            del self._feeds[feed.job_id]

    async def _read_back(self, feed: JobFeed, number: int) -> list[tuple[int, bytes]]:
        async with tenant_transaction(self._pool, feed.tenant_id) as connection:
            events = await events_after(connection, feed.job_id, number, MOST_EVENTS)
        return [(each.number, frame(each.type, each.model_dump(mode="json"), each.number)) for each in events]

    async def _look_for_ever(self) -> None:
        while True:
            # Without a reader there is nothing to look at until one comes.
            await changed_within(self._news, _TICK_S if self._feeds else 3600)
            self._news.clear()
            await asyncio.sleep(_GATHER_S)
            now, due, self._due = time.monotonic(), self._due, set()
            by_tenant: dict[str, list[JobFeed]] = defaultdict(list)
            for feed in self._feeds.values():
                if not feed.over and (feed.job_id in due or feed.looks_at <= now):
                    by_tenant[feed.tenant_id].append(feed)
            questions = [
                self._look(tenant_id, feeds[first : first + _MOST_JOBS])
                for tenant_id, feeds in by_tenant.items()
                for first in range(0, len(feeds), _MOST_JOBS)
            ]
            await asyncio.gather(*questions)

    async def _look(self, tenant_id: str, feeds: Iterable[JobFeed]) -> None:
        asked = {feed.job_id: feed for feed in feeds}
        try:
            async with self._questions, tenant_transaction(self._pool, tenant_id) as connection:
                seen = await look_at_jobs(connection, {job_id: feed.number for job_id, feed in asked.items()})
            for job_id, feed in asked.items():
                if feed.take(seen.get(job_id)):
                    self.hear(job_id)
        except Unavailable:
            self._later(asked.values())
        except Exception as error:  # noqa: BLE001  one tenant's fault must not end every stream
            _LOG.error("followed jobs were not looked at\n%s", trace_of(error))
            self._later(asked.values())

    def _later(self, feeds: Iterable[JobFeed]) -> None:
        for feed in feeds:
            feed.looks_at = time.monotonic() + 1.0
