"""Keys that were looked up a moment ago: a thousand requests a second with one key are one look at the database."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from impasto.tenants import Scope

# How long a key that was revoked elsewhere may still open this process.
KEPT_S: Final = 1.0
_MOST: Final = 10_000
Found = tuple[str, bytes, list[Scope]]


class KnownKeys:
    """Tenant, digest and scopes of valid keys, each for a second. Keys that do not exist are never kept."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._found: dict[str, tuple[float, Found]] = {}

    def get(self, key_id: str) -> Found | None:
        """What is known of a key, unless that is too long ago."""
        until, found = self._found.get(key_id, (0.0, None))
        return found if until > self._clock() else None

    def keep(self, key_id: str, found: Found) -> None:
        if len(self._found) >= _MOST:
            self._found.clear()
        self._found[key_id] = (self._clock() + KEPT_S, found)

    def forget(self, key_id: str) -> None:
        """At a key's revocation, so that it opens nothing here any more."""
        self._found.pop(key_id, None)
