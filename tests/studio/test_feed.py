"""A list read in steps: nothing twice, nothing lost, no page asked for before it is wanted, none given up."""

from __future__ import annotations

import asyncio

import pytest

from impasto.errors import Unavailable
from impasto_studio.asking import MOST, Leaf
from impasto_studio.feed import Feed


class Numbers:
    """A list of the API; `asked` has the cursor and the size of each page, and the next `broken` pages fail."""

    def __init__(self, count: int) -> None:
        self.asked: list[tuple[str | None, int]] = []
        self.broken = 0
        self._count = count

    async def page(self, cursor: str | None, limit: int) -> Leaf[int]:
        self.asked.append((cursor, limit))
        if self.broken:
            self.broken -= 1
            raise Unavailable("platform_unreachable", "nobody answers")
        start = int(cursor or 0)
        end = min(start + limit, self._count)
        return Leaf(list(range(start, end)), str(end) if end < self._count else None)


@pytest.mark.parametrize(("count", "step"), [(0, 3), (1, 3), (3, 3), (7, 3), (9, 3), (450, 300)])
def test_every_item_comes_once_and_the_end_is_known_with_the_last(count: int, step: int) -> None:
    async def read() -> list[list[int]]:
        feed, steps = Feed(Numbers(count).page), []
        while not feed.ended:
            steps.append(await feed.next(step))
        return steps

    steps = asyncio.run(read())
    assert [number for part in steps for number in part] == list(range(count))
    assert all(len(part) == step for part in steps[:-1])


def test_no_more_than_what_is_shown_is_asked_for() -> None:
    numbers = Numbers(100)
    asyncio.run(Feed(numbers.page).next(10))
    assert numbers.asked == [(None, 10)]


def test_after_a_page_that_could_not_be_had_the_list_goes_on_where_it_was() -> None:
    numbers = Numbers(9)

    async def read() -> list[int]:
        feed = Feed(numbers.page)
        found = await feed.next(4)
        numbers.broken = 2
        for _ in range(2):
            with pytest.raises(Unavailable):
                await feed.next(4)
        assert not feed.ended
        while not feed.ended:
            found += await feed.next(4)
        return found

    assert asyncio.run(read()) == list(range(9))


def test_of_many_only_those_that_are_kept_come_and_no_more_than_said_are_looked_at() -> None:
    numbers = Numbers(1000)

    async def read() -> list[int]:
        feed, found = Feed(numbers.page, keep=lambda number: number % 50 == 0, most=MOST + 100), []
        while not feed.ended:
            found += await feed.next(4)
        return found

    assert asyncio.run(read()) == [0, 50, 100, 150, 200, 250]
    assert numbers.asked == [(None, MOST), (str(MOST), 100)]
