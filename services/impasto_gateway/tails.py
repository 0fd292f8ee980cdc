"""The end of a log, kept once for all who read it live; each reader has a place of its own in it."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Generic, Protocol, Self, TypeVar

T = TypeVar("T")


class Place(Protocol):
    """What entries are ordered by."""

    def __lt__(self, other: Self, /) -> bool: ...


P = TypeVar("P", bound=Place)


class Tail(Generic[P, T]):
    """The last entries of a log, at most so many. Nothing is queued for a reader: one that is slow costs nothing.

    It falls behind what is kept, and reads what it missed from the database.
    """

    def __init__(self, begins: P, most: int) -> None:
        """Holds all that comes after `begins`."""
        self._entries: deque[tuple[P, T]] = deque()
        self._begins, self._most = begins, most
        self._changes = asyncio.Event()

    @property
    def begins(self) -> P:
        """Everything after this place is held."""
        return self._begins

    @property
    def changes(self) -> asyncio.Event:
        """Set at the next change. To be taken before the tail is read, so that no change is missed."""
        return self._changes

    def add(self, place: P, entry: T) -> None:
        """An entry after all others."""
        if len(self._entries) == self._most:
            self._begins = self._entries.popleft()[0]
        self._entries.append((place, entry))

    def after(self, place: P) -> list[tuple[P, T]] | None:
        """The entries after a place; None if some of them are not held any more."""
        if place < self._begins:
            return None
        found: list[tuple[P, T]] = []
        for entry in reversed(self._entries):
            if not place < entry[0]:
                break
            found.append(entry)
        found.reverse()
        return found

    def tell(self) -> None:
        """Wakes all who wait for a change."""
        changed, self._changes = self._changes, asyncio.Event()
        changed.set()


async def changed_within(changes: asyncio.Event, seconds: float) -> bool:
    """Whether the change came in time."""
    try:
        async with asyncio.timeout(seconds):
            await changes.wait()
    except TimeoutError:
        return False
    return True
