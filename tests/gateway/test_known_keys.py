"""Keys are remembered for a second, and no longer than they may be."""

from __future__ import annotations

import asyncio

import pytest

from impasto.backends.postgres.keys import KnownKey
from impasto.backends.web.known_keys import KEPT_S, KnownKeys

_KEY = KnownKey("tnt_a", b"digest", ["read"], None, None, False)


class _Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_key_is_known_for_a_second() -> None:
    clock = _Clock()
    known = KnownKeys(clock)
    known.keep("one", _KEY)
    clock.now += KEPT_S * 0.9
    assert known.get("one") == _KEY
    clock.now += KEPT_S * 0.2
    assert known.get("one") is None


def test_a_key_that_is_revoked_here_is_unknown_at_once() -> None:
    known = KnownKeys()
    known.keep("one", _KEY)
    known.forget("one")
    known.forget("never there")
    assert known.get("one") is None


def test_what_is_known_does_not_grow_without_end() -> None:
    known = KnownKeys()
    for number in range(25_000):
        known.keep(str(number), _KEY)
    assert len(known._found) <= 10_000


class _Table:
    """Where keys are looked up; each look waits until it is let go."""

    def __init__(self, *answers: KnownKey | Exception | None) -> None:
        self.answers, self.looks, self.go = list(answers), 0, asyncio.Event()

    async def look_up(self, _: str) -> KnownKey | None:
        answer = self.answers[self.looks]
        self.looks += 1
        await self.go.wait()
        if isinstance(answer, Exception):
            raise answer
        return answer


async def _many(known: KnownKeys, table: _Table, count: int) -> list[asyncio.Task[KnownKey | None]]:
    asking = [asyncio.create_task(known.find("one", table.look_up)) for _ in range(count)]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    return asking


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.mark.anyio
async def test_who_asks_while_a_key_is_looked_up_waits_for_that_answer_even_if_the_first_goes_away() -> None:
    known, table = KnownKeys(), _Table(_KEY)
    first, *others = await _many(known, table, 30)
    first.cancel()
    table.go.set()
    assert await asyncio.gather(*others) == [_KEY] * 29
    assert first.cancelled()
    assert (table.looks, known.get("one")) == (1, _KEY)


@pytest.mark.anyio
async def test_a_look_that_began_before_the_revocation_opens_nothing_afterwards() -> None:
    known, table = KnownKeys(), _Table(_KEY, None)
    before = await _many(known, table, 2)
    known.forget("one")
    after = await _many(known, table, 2)
    table.go.set()
    assert await asyncio.gather(*before, *after) == [_KEY, _KEY, None, None]
    assert table.looks == 2
    assert not known.was_known("one")


@pytest.mark.anyio
async def test_a_key_that_is_there_no_more_is_not_known_any_more() -> None:
    clock = _Clock()
    known, table = KnownKeys(clock), _Table(_KEY, None)
    table.go.set()
    assert await known.find("one", table.look_up) == _KEY
    clock.now += KEPT_S * 1.1
    assert known.was_known("one")
    assert await known.find("one", table.look_up) is None
    assert not known.was_known("one")


@pytest.mark.anyio
async def test_all_are_told_of_a_look_that_fails_and_the_next_one_looks_again() -> None:
    known, table = KnownKeys(), _Table(OSError("away"), _KEY)
    asking = await _many(known, table, 3)
    table.go.set()
    assert [type(told) for told in await asyncio.gather(*asking, return_exceptions=True)] == [OSError] * 3
    assert await known.find("one", table.look_up) == _KEY
