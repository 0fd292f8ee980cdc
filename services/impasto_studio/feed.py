"""A list of the API read in steps, as somebody scrolls."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Generic, TypeVar

T = TypeVar("T")


class Feed(Generic[T]):
    """Wraps a list of the SDK, which asks for a page only when its first item is wanted."""

    def __init__(self, source: AsyncIterator[T]) -> None:
        self._source = source
        self._ahead: list[T] = []
        self.ended = False

    async def next(self, count: int) -> list[T]:
        """The next items, at most `count`. `ended` is true afterwards when there are no more."""
        found = self._ahead
        while len(found) <= count and not self.ended:
            try:
                found.append(await anext(self._source))
            except StopAsyncIteration:
                self.ended = True
        self._ahead = found[count:]
        self.ended = self.ended and not self._ahead
        return found[:count]
