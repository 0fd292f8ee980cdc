"""Bytes that the studio asks for, from a server whose connection breaks."""

from __future__ import annotations

import asyncio

import pytest

from impasto.client import AsyncClient
from impasto.client.flow import Answer
from impasto.errors import Unavailable
from impasto_studio.asking import opening

_KEY = "impasto_live_" + "a" * 16 + "_" + "b" * 43
_ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nbytes"


async def _asked(hang_ups: int) -> tuple[list[object], int]:
    """What `opening` emits from a server that hangs up so many times, and how often it was asked."""
    asked = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal asked
        await reader.readuntil(b"\r\n\r\n")
        asked += 1
        if asked > hang_ups:
            writer.write(_ANSWER)
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()
    async with server, AsyncClient(f"http://{host}:{port}", _KEY, retries=1) as client:
        try:
            return [piece async for piece in client.transport.iterate(opening("artifacts", "a" * 64))], asked
        except Unavailable as error:
            return [error.code], asked


@pytest.mark.parametrize(("hang_ups", "asked"), [(0, 1), (1, 2)])
def test_a_picture_whose_connection_broke_before_it_began_is_asked_for_again(hang_ups: int, asked: int) -> None:
    (answer, *pieces), often = asyncio.run(_asked(hang_ups))
    assert isinstance(answer, Answer)
    assert (answer.status, pieces, often) == (200, [b"bytes"], asked)


def test_a_picture_is_given_up_after_one_more_try() -> None:
    assert asyncio.run(_asked(9)) == (["platform_unreachable"], 2)
