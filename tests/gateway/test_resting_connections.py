"""A connection that rests is closed when no client uses it any more: until then a request may be on its way."""

from __future__ import annotations

import select
import socket
from typing import Final
from urllib.parse import urlsplit

import httpx
import pytest

from impasto.settings import REST_S
from impasto.testing.stacks import Stack

# httpx's clients keep a connection for that long; servers are wont to do the same, and then both close it at once.
_CLIENTS_KEEP_S: Final = httpx.Limits().keepalive_expiry or 5.0


@pytest.mark.parametrize("service", ["gateway", "ingestion"])
def test_a_connection_rests_for_longer_than_clients_keep_theirs(platform: Stack, service: str) -> None:
    assert REST_S > 2 * _CLIENTS_KEEP_S
    url = urlsplit(platform.url if service == "gateway" else platform.settings.ingestion_url)
    with socket.create_connection((url.hostname, url.port), timeout=20) as connection:
        _asks(connection)
        # Anything that could be read now would be the rest of the answer, or the end of the connection.
        while select.select([connection], [], [], _CLIENTS_KEEP_S + 1)[0]:
            assert connection.recv(65536), "the server closed it first"
        _asks(connection)


def _asks(connection: socket.socket) -> None:
    connection.sendall(b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n")
    assert connection.recv(65536).startswith(b"HTTP/1.1 200")
