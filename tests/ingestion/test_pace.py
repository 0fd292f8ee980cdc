"""A body that comes too slowly is given up, however lively its sender is."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from impasto.errors import InvalidInput
from impasto_ingestion.pace import PACE, Pace


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


async def _dripping(each: bytes, every_s: float) -> AsyncIterator[bytes]:
    while True:
        await asyncio.sleep(every_s)
        yield each


async def _given_up(pace: Pace, body: AsyncIterator[bytes]) -> tuple[InvalidInput, int]:
    received = 0
    try:
        async with asyncio.timeout(5):
            async for piece in pace.pieces(body):
                received += len(piece)
    except InvalidInput as error:
        return error, received
    raise AssertionError("the body ended")


@pytest.mark.anyio
async def test_a_silent_sender_is_given_up() -> None:
    error, received = await _given_up(Pace(silence_s=0.1), _dripping(b"x", 3))
    assert (received, error.code, error.data["limit"]) == (0, "request_timeout", 0.1)


@pytest.mark.anyio
async def test_a_sender_that_drips_is_given_up_by_its_rate_after_the_grace() -> None:
    error, received = await _given_up(Pace(grace_s=0.3, least_bytes_per_s=1000), _dripping(b"x", 0.02))
    assert 1 <= received <= 16
    assert "slowly" in error.message


@pytest.mark.anyio
async def test_a_body_that_does_not_end_is_given_up_however_fast_it_comes() -> None:
    _, received = await _given_up(Pace(total_s=0.3, grace_s=0.1), _dripping(bytes(1 << 16), 0.01))
    assert received > 1 << 16


@pytest.mark.anyio
async def test_a_body_that_comes_well_arrives_whole() -> None:
    async def body() -> AsyncIterator[bytes]:
        for number in range(5):
            yield bytes([number])

    assert b"".join([piece async for piece in PACE.pieces(body())]) == bytes(range(5))


@pytest.mark.parametrize(
    ("elapsed_s", "received", "patience_s"),
    [(0, 0, 60), (50, 0, 10), (60, 0, 0), (100, 200 * (16 << 10), 60), (100, 90 * (16 << 10), -10), (890, 1 << 28, 10)],
)
def test_the_limits_are_a_minute_s_silence_16_kib_a_second_and_15_minutes(
    elapsed_s: float, received: int, patience_s: float
) -> None:
    assert PACE.patience_s(elapsed_s, received) == patience_s
