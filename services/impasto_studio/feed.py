"""A list of the API read in steps, as somebody scrolls."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

from impasto_studio.asking import MOST, Leaf

T = TypeVar("T")


class Feed(Generic[T]):
    """Asks for a page only when it is wanted. A page that could not be had is asked for again by the next step."""

    def __init__(
        self,
        ask: Callable[[str | None, int], Awaitable[Leaf[T]]],
        *,
        keep: Callable[[T], bool] | None = None,
        most: int | None = None,
    ) -> None:
        """`ask` takes a cursor and how many at most; `keep` chooses among the first `most` items."""
        self._ask, self._keep, self._left = ask, keep, most
        self._ahead: list[T] = []
        self._cursor: str | None = None
        self._over = self.ended = False

    async def next(self, count: int) -> list[T]:
        """The next items, at most `count`. `ended` is true afterwards when there are no more.

        Raises:
            ImpastoError: the platform refused; nothing is lost, and the next call goes on from there.
        """
        while len(self._ahead) < count and not self._over:
            await self._turn(count - len(self._ahead))
        found, self._ahead = self._ahead[:count], self._ahead[count:]
        self.ended = self._over and not self._ahead
        return found

    async def _turn(self, wanted: int) -> None:
        # Of those that are chosen among, few may be kept: many at once.
        size = MOST if self._keep else min(MOST, wanted)
        size = size if self._left is None else min(size, self._left)
        leaf = await self._ask(self._cursor, size)
        self._cursor = leaf.next_cursor
        self._left = None if self._left is None else self._left - len(leaf.items)
        self._over = self._cursor is None or self._left == 0
        self._ahead += filter(self._keep, leaf.items) if self._keep else leaf.items
