"""One client of the API for each key that is in use, with its connections; the longest unused go first."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from typing import Final, Self

from impasto.client import AsyncClient

# A museum has dozens of people, not thousands; each client holds a few connections.
_MOST: Final = 64
# Somebody waits in front of the page: rather a plain word soon than a success after a minute.
_RETRIES: Final = 1


class Clients:
    """Clients by key. A context: its end closes them all."""

    def __init__(self, gateway_url: str, most: int = _MOST) -> None:
        self._url, self._most = gateway_url, most
        self._clients: OrderedDict[str, AsyncClient] = OrderedDict()
        self._closing: set[asyncio.Task[None]] = set()

    def __len__(self) -> int:
        return len(self._clients)

    def of(self, key: str) -> AsyncClient:
        """The client of this key."""
        if key not in self._clients:
            self._clients[key] = AsyncClient(self._url, key, retries=_RETRIES)
            while len(self._clients) > self._most:
                self._close(next(iter(self._clients)))
        self._clients.move_to_end(key)
        return self._clients[key]

    def _close(self, key: str) -> None:
        task = asyncio.ensure_future(self._clients.pop(key).close())
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *error: object) -> None:
        for key in list(self._clients):
            self._close(key)
        await asyncio.gather(*self._closing)
