"""Keys that were looked up a moment ago: a thousand requests a second with one key are one look at the database."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextvars import Context
from typing import Final

from impasto.backends.postgres.keys import KnownKey

# How long a key that was revoked elsewhere may still open this process.
KEPT_S: Final = 1.0
_MOST: Final = 10_000


class KnownKeys:
    """Valid keys, each for a second, with what its tenant may. Keys that do not exist are never kept."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._found: dict[str, tuple[float, KnownKey]] = {}
        self._looking: dict[str, asyncio.Task[KnownKey | None]] = {}

    def was_known(self, key_id: str) -> bool:
        """Whether it was ever looked up and valid, however long ago."""
        return key_id in self._found

    async def find(self, key_id: str, look_up: Callable[[str], Awaitable[KnownKey | None]]) -> KnownKey | None:
        """What is known of a key, or what `look_up` finds; who asks while it is looked up waits for that answer.

        Raises:
            Unavailable: as `look_up`.
        """
        if found := self.get(key_id):
            return found
        looking = self._looking.get(key_id)
        if looking is None or looking.done():
            # A task of its own, and nobody's request: whoever came first may go away.
            looking = asyncio.create_task(self._look_up(key_id, look_up), context=Context())
            # Whatever it raises is looked at, even if all have gone.
            looking.add_done_callback(lambda ended: ended.cancelled() or ended.exception())
            self._looking[key_id] = looking
        return await asyncio.shield(looking)

    async def _look_up(self, key_id: str, look_up: Callable[[str], Awaitable[KnownKey | None]]) -> KnownKey | None:
        mine = asyncio.current_task()
        try:
            found = await look_up(key_id)
        finally:
            # Forgotten meanwhile: what was found may be of before, and nobody else is to have it.
            is_of_now = self._looking.get(key_id) is mine
            if is_of_now:
                del self._looking[key_id]
        if is_of_now and found is not None:
            self.keep(key_id, found)
        elif is_of_now:
            self._found.pop(key_id, None)
        return found

    def get(self, key_id: str) -> KnownKey | None:
        """What is known of a key, unless that is too long ago."""
        until, found = self._found.get(key_id, (0.0, None))
        return found if until > self._clock() else None

    def keep(self, key_id: str, found: KnownKey) -> None:
        if len(self._found) >= _MOST:
            self._found.clear()
        self._found[key_id] = (self._clock() + KEPT_S, found)

    def forget_all(self) -> None:
        """At a change of what some tenant may."""
        self._found.clear()
        self._looking.clear()

    def forget(self, key_id: str) -> None:
        """At a key's revocation, so that it opens nothing here any more."""
        self._found.pop(key_id, None)
        self._looking.pop(key_id, None)
