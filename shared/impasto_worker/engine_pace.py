"""How long an engine takes from one hearing to the next: who cancels a call waits for that, and kills nobody before."""

from __future__ import annotations

import time
from typing import Final

# One slow step, the first after a load for example, is forgotten in some hundred steps.
_FADES: Final = 0.99
_CHANGED: Final = 1.25
_LEAST_S: Final = 0.1


class Pace:
    """The loop's alone. `turn_s`: the longest time between two hearings, faded."""

    def __init__(self) -> None:
        self.turn_s = 0.0
        self._told_s = _LEAST_S
        self._since = time.monotonic()

    def begin(self) -> None:
        """All that came is taken; from here on nobody is heard."""
        self._since = time.monotonic()

    def heard(self) -> bool:
        """Notes how long nobody was; says whether that changed enough to tell the worker."""
        self.turn_s = max(time.monotonic() - self._since, _FADES * self.turn_s)
        changed = not self._told_s / _CHANGED < max(self.turn_s, _LEAST_S) < self._told_s * _CHANGED
        if changed:
            self._told_s = max(self.turn_s, _LEAST_S)
        return changed
