"""One client of the API for each key that is in use, with its connections; one that rests for long is closed."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Self

from impasto.client import AsyncClient

# A page asks again within seconds, and whatever goes on for longer holds its client: an hour is nobody at all.
_IDLE_S: Final = 3600.0
# Somebody waits in front of the page: rather a plain word soon than a success after a minute.
_RETRIES: Final = 1


@dataclass(slots=True)
class _Kept:
    """A client, and when somebody last asked for it (`time.monotonic`)."""

    client: AsyncClient
    asked_at: float


class Clients:
    """Clients by key, only of keys that the platform has taken. A context: its end closes them all."""

    def __init__(self, gateway_url: str, idle_s: float = _IDLE_S) -> None:
        self._url, self._idle_s = gateway_url, idle_s
        self._clients: dict[str, _Kept] = {}
        self._holders: Counter[str] = Counter()

    def __len__(self) -> int:
        return len(self._clients)

    def on_trial(self, key: str) -> AsyncClient:
        """A client of a key that nobody knows yet; it is the caller's, who closes it."""
        return AsyncClient(self._url, key, retries=_RETRIES)

    def of(self, key: str) -> AsyncClient:
        """The client of a key that was taken."""
        kept = self._clients.get(key)
        if kept is None:
            kept = self._clients[key] = _Kept(self.on_trial(key), 0.0)
        kept.asked_at = time.monotonic()
        return kept.client

    def hold(self, key: str) -> Callable[[], None]:
        """Keeps that client from being closed until the returned function is called."""
        self._holders[key] += 1

        def release() -> None:
            self._holders[key] -= 1
            if not self._holders[key]:
                del self._holders[key]
            if key in self._clients:
                self._clients[key].asked_at = time.monotonic()

        return release

    async def close_idle(self) -> None:
        """Closes those that nobody holds and nobody has asked for within the idle time."""
        before = time.monotonic() - self._idle_s
        idle = [key for key, kept in self._clients.items() if kept.asked_at <= before and not self._holders[key]]
        await self._close(idle)

    async def _close(self, keys: list[str]) -> None:
        # Taken away first: whoever asks while they are being closed gets a new one.
        clients = [self._clients.pop(key).client for key in keys]
        await asyncio.gather(*(client.close() for client in clients))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *error: object) -> None:
        await self._close(list(self._clients))
