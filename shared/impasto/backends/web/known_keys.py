"""Keys that were looked up a moment ago: a thousand requests a second with one key are one look at the database."""

from __future__ import annotations

import time
from collections.abc import Callable
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

    def forget(self, key_id: str) -> None:
        """At a key's revocation, so that it opens nothing here any more."""
        self._found.pop(key_id, None)
