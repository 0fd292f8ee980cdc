"""Frames between a worker and its runner: a length of four bytes, then JSON. Never pickles; big things are files."""

from __future__ import annotations

import json
import socket
import struct
from typing import Any, Final

_LENGTH: Final = struct.Struct("!I")
_MOST_BYTES: Final = 64 << 20


class ConnectionClosed(Exception):
    """The other side is gone."""


def send_frame(connection: socket.socket, frame: dict[str, Any]) -> None:
    """Sends one frame.

    Raises:
        ConnectionClosed: the other side is gone.
        ValueError: the frame holds NaN or an infinity, or is larger than 64 MiB.
    """
    body = json.dumps(frame, separators=(",", ":"), allow_nan=False).encode()
    if len(body) > _MOST_BYTES:
        raise ValueError(f"a frame may have {_MOST_BYTES} bytes, this one has {len(body)}: hand over a file instead")
    try:
        connection.sendall(_LENGTH.pack(len(body)) + body)
    except OSError as error:
        raise ConnectionClosed from error


def receive_frame(connection: socket.socket) -> dict[str, Any]:
    """Waits for one frame.

    Raises:
        ConnectionClosed: the other side is gone.
    """
    (length,) = _LENGTH.unpack(_receive_exactly(connection, _LENGTH.size))
    if length > _MOST_BYTES:
        raise ConnectionClosed
    frame: dict[str, Any] = json.loads(_receive_exactly(connection, length))
    return frame


def _receive_exactly(connection: socket.socket, size: int) -> bytes:
    blocks, missing = [], size
    while missing:
        try:
            block = connection.recv(min(missing, 1 << 20))
        except OSError as error:
            raise ConnectionClosed from error
        if not block:
            raise ConnectionClosed
        blocks.append(block)
        missing -= len(block)
    return b"".join(blocks)
