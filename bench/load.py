"""Requests as fast as they are answered, or at a steady rate, by a client that costs little itself."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer, when it was complete by the wall clock, and the seconds that it took."""

    status: int
    body: bytes
    at: float
    took_s: float


def post(url: str, key: str, body: Any) -> bytes:
    """A POST as it goes over the wire."""
    parts, content = urlsplit(url), json.dumps(body).encode()
    head = (
        f"POST {parts.path} HTTP/1.1\r\nHost: {parts.netloc}\r\nAuthorization: Bearer {key}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(content)}\r\n\r\n"
    )
    return head.encode() + content


class Connection:
    """One kept connection, one request at a time."""

    def __init__(self, url: str) -> None:
        self._parts = urlsplit(url)
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(self, request: bytes) -> Answer:
        """The answer to a request; it must have a Content-Length."""
        if self._streams is None:
            self._streams = await asyncio.open_connection(self._parts.hostname, self._parts.port)
        reader, writer = self._streams
        began = time.perf_counter()
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
        body = await reader.readexactly(length)
        return Answer(int(head[9:12]), body, time.time(), time.perf_counter() - began)

    async def close(self) -> None:
        if self._streams is not None:
            self._streams[1].close()
            await self._streams[1].wait_closed()


async def closed_loop(url: str, requests: Iterator[bytes], connections: int) -> list[Answer]:
    """Each connection asks as soon as it was answered, until there are no more requests."""

    async def one() -> list[Answer]:
        connection = Connection(url)
        try:
            return [await connection.ask(request) for request in requests]
        finally:
            await connection.close()

    return [answer for answers in await asyncio.gather(*(one() for _ in range(connections))) for answer in answers]


async def steady(url: str, requests: Iterable[bytes], per_s: float, connections: int = 32) -> list[Answer]:
    """Asks at a steady rate, whether or not the answers keep up."""
    idle: asyncio.Queue[Connection] = asyncio.Queue()
    for _ in range(connections):
        idle.put_nowait(Connection(url))

    async def one(request: bytes) -> Answer:
        connection = await idle.get()
        try:
            return await connection.ask(request)
        finally:
            idle.put_nowait(connection)

    began, asked = time.perf_counter(), []
    for number, request in enumerate(requests):
        await asyncio.sleep(max(began + number / per_s - time.perf_counter(), 0))
        asked.append(asyncio.create_task(one(request)))
    answers = list(await asyncio.gather(*asked))
    while not idle.empty():
        await idle.get_nowait().close()
    return answers
