"""Tenants that are followed: one reader of a tenant's events for all who want them, in an order that skips nothing."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator
from contextvars import Context
from typing import Final

from impasto.backends.postgres.events import EventPage, now_position, settled_position, tenant_events_after
from impasto.backends.postgres.pools import tenant_transaction
from impasto.errors import Unavailable
from impasto.events import EventPosition, TenantEvent, read_position, wants
from impasto.faults import trace_of
from impasto_gateway.awakening import POLL_S
from impasto_gateway.job_feeds import KEEP_ALIVE_S, STILL_HERE, Pool, frame
from impasto_gateway.tails import Tail, changed_within

_LOG = logging.getLogger("impasto.events")
_MOST_HELD: Final = 1000
_GATHER_S: Final = 0.02
# Events behind a transaction that still writes are looked for again: soon, then more seldom.
_HELD_S: Final = (0.02, 0.5)

Entry = tuple[TenantEvent, bytes]


class TenantFeed:
    """One tenant that somebody follows. `tail` is there once it is known where it begins."""

    def __init__(self, tenant_id: str) -> None:
        self.tenant_id = tenant_id
        self.readers = 0
        self.news, self.begun = asyncio.Event(), asyncio.Event()
        self.position = EventPosition(0, 0)
        self.tail: Tail[EventPosition, Entry] = Tail(self.position, _MOST_HELD)
        self.task: asyncio.Task[None] | None = None

    def begin(self, position: EventPosition) -> None:
        self.position, self.tail = position, Tail(position, _MOST_HELD)
        self.begun.set()

    def take(self, page: EventPage) -> None:
        for place, entry in entries(page):
            self.tail.add(place, entry)
        if page.events:
            self.position = page.position
            self.tail.tell()


def entries(page: EventPage) -> list[tuple[EventPosition, Entry]]:
    """The events of a page by their places, each with its frame."""
    found = []
    for event in page.events:
        place = read_position(event.position)
        assert place is not None
        found.append((place, (event, frame(event.type, event.model_dump(mode="json"), event.position))))
    return found


class TenantFeeds:
    """All tenants that are followed through this process."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._feeds: dict[str, TenantFeed] = {}

    async def stop(self) -> None:
        tasks = [feed.task for feed in self._feeds.values() if feed.task]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def hear(self, tenant_id: str | None) -> None:
        """There is news of this tenant; None: maybe of any."""
        for feed in self._feeds.values() if tenant_id is None else filter(None, [self._feeds.get(tenant_id)]):
            feed.news.set()

    async def follow(
        self, tenant_id: str, position: EventPosition | None, kinds: frozenset[str], types: frozenset[str]
    ) -> AsyncGenerator[bytes, None]:
        """The tenant's events after a position, or from now on, of these kinds and types if any are named; endless."""
        feed = self._enter(tenant_id)
        try:
            await feed.begun.wait()
            place = feed.position if position is None else await self._settled(tenant_id, position)
            # Who loses the connection before the first event knows where to go on.
            yield _here(place)
            told = place
            while True:
                changes = feed.tail.changes
                found = feed.tail.after(place)
                if found is None:
                    place, found = await self._read_back(feed, place)
                for at, (event, told_event) in found:
                    place = at
                    if wants(event, kinds, types):
                        told = place
                        yield told_event
                if not found and not await changed_within(changes, KEEP_ALIVE_S):
                    yield STILL_HERE if told == place else _here(place)
                    told = place
        finally:
            self._leave(feed)

    def _enter(self, tenant_id: str) -> TenantFeed:
        feed = self._feeds.get(tenant_id)
        if feed is None:
            feed = self._feeds[tenant_id] = TenantFeed(tenant_id)
            # Of no request: it goes on when the one that began it has its answer.
            feed.task = asyncio.create_task(self._read_for_ever(feed), context=Context())
        feed.readers += 1
        return feed

    def _leave(self, feed: TenantFeed) -> None:
        feed.readers -= 1
        if not feed.readers:
            del self._feeds[feed.tenant_id]
            assert feed.task
            feed.task.cancel()

    async def _settled(self, tenant_id: str, position: EventPosition) -> EventPosition:
        async with tenant_transaction(self._pool, tenant_id) as connection:
            return await settled_position(connection, position)

    async def _read_back(
        self, feed: TenantFeed, place: EventPosition
    ) -> tuple[EventPosition, list[tuple[EventPosition, Entry]]]:
        """What a reader missed that has fallen behind the tail, and where it is then."""
        begins = feed.tail.begins
        async with tenant_transaction(self._pool, feed.tenant_id) as connection:
            page = await tenant_events_after(connection, place)
        # All before the tail's beginning has ended and would have been seen: nothing lies between.
        return (page.position, entries(page)) if page.events else (max(place, begins), [])

    async def _read_for_ever(self, feed: TenantFeed) -> None:
        pause_s = held_s = 0.0
        while True:
            feed.news.clear()
            try:
                async with tenant_transaction(self._pool, feed.tenant_id) as connection:
                    if not feed.begun.is_set():
                        feed.begin(await now_position(connection))
                    page = await tenant_events_after(connection, feed.position)
                feed.take(page)
                held_s = min(max(_HELD_S[0], 2 * held_s), _HELD_S[1]) if page.held else 0.0
                pause_s = 0.0 if page.more else held_s if page.held else POLL_S
            except Unavailable:
                pause_s = 1.0
            except Exception as error:  # noqa: BLE001  without this task the tenant's streams are silent
                _LOG.error("a tenant's events were not read\n%s", trace_of(error))
                pause_s = 1.0
            if pause_s:
                await changed_within(feed.news, pause_s)
                await asyncio.sleep(_GATHER_S)


def _here(place: EventPosition) -> bytes:
    """An identifier without an event: a reader's place to resume from."""
    return f": still here\nid: {place}\n\n".encode()
