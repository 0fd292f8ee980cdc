"""A list read in steps: nothing twice, nothing lost, and no page asked for before it is wanted."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from impasto_studio.feed import Feed


class Numbers:
    """Counts how many of its numbers were asked for."""

    def __init__(self, count: int) -> None:
        self.asked = 0
        self._count = count

    async def __aiter__(self) -> AsyncIterator[int]:
        for number in range(self._count):
            self.asked += 1
            yield number


@pytest.mark.parametrize(("count", "step"), [(0, 3), (1, 3), (3, 3), (7, 3), (9, 3)])
def test_every_item_comes_once_and_the_end_is_known_with_the_last(count: int, step: int) -> None:
    async def read() -> list[list[int]]:
        feed, steps = Feed(aiter(Numbers(count))), []
        while not feed.ended:
            steps.append(await feed.next(step))
        return steps

    steps = asyncio.run(read())
    assert [number for part in steps for number in part] == list(range(count))
    assert all(len(part) == step for part in steps[:-1])


def test_only_one_item_more_than_shown_is_asked_for() -> None:
    numbers = Numbers(100)
    asyncio.run(Feed(aiter(numbers)).next(10))
    assert numbers.asked == 11
