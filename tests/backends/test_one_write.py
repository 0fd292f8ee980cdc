"""A response's head and body leave together, and nothing waits for what has not come yet."""

from __future__ import annotations

import asyncio
import socket
import struct
import threading
from collections.abc import Iterator
from typing import Any, Final

import pytest
import uvicorn

from impasto.backends.web.one_write import OneWrite
from impasto.testing.processes import eventually, free_port

# Of Linux' `struct tcp_info`: how many segments with data came in.
_DATA_SEGMENTS_IN: Final = 152
_LARGE: Final = 3_000_000


async def _application(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] != "http":
        return
    length = {"/small": 5, "/large": _LARGE}.get(scope["path"])
    headers = [] if length is None else [(b"content-length", str(length).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    if scope["path"] == "/slow":
        await send({"type": "http.response.body", "body": b"first", "more_body": True})
        await receive()  # the request's own end
        await receive()  # ... and then that the client has gone
    elif scope["path"] == "/large":
        for start in range(0, _LARGE, 1000):
            part = b"%04d" % (start // 1000) * 250
            await send({"type": "http.response.body", "body": part, "more_body": start + 1000 < _LARGE})
    else:
        await send({"type": "http.response.body", "body": b"small"})


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    at = free_port()
    config = uvicorn.Config(_application, port=at, http=OneWrite, lifespan="off", log_config=None)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=asyncio.run, args=(server.serve(),))
    thread.start()
    eventually(lambda: server.started, "it serves")
    yield at
    server.should_exit = True
    thread.join(10)


def _ask(port: int, path: str, more: str = "") -> socket.socket:
    there = socket.create_connection(("127.0.0.1", port), timeout=10)
    there.sendall(f"GET {path} HTTP/1.1\r\nHost: here\r\n{more}\r\n".encode())
    return there


def _read_until(there: socket.socket, end: bytes) -> bytes:
    read = b""
    while end not in read:
        more = there.recv(1 << 16)
        assert more, "it was cut off"
        read += more
    return read


def test_head_and_body_of_a_small_answer_are_one_packet(port: int) -> None:
    with _ask(port, "/small") as there:
        assert _read_until(there, b"small").startswith(b"HTTP/1.1 200 OK")
        told = there.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 192)
        assert struct.unpack_from("=I", told, _DATA_SEGMENTS_IN) == (1,)


def test_what_is_streamed_goes_on_its_way_before_the_rest_is_there(port: int) -> None:
    with _ask(port, "/slow") as there:
        assert _read_until(there, b"first")


def test_a_large_answer_that_never_lets_others_run_comes_whole_and_in_order(port: int) -> None:
    with _ask(port, "/large", "Connection: close\r\n") as there:
        read = b""
        while more := there.recv(1 << 16):
            read += more
    body = read.partition(b"\r\n\r\n")[2]
    assert body == b"".join(b"%04d" % number * 250 for number in range(_LARGE // 1000))
