"""Receivers that let every attempt run out of time are left alone for a while, at the cost of no attempt."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from impasto_notifier.limits import LONGEST_HOLD_S, MOST_OF_A_LANE, SHORTEST_HOLD_S, TIMEOUTS_TO_HOLD

_TIMEOUTS: Final = ("timeout", "connect_timeout", "name_timeout")


@dataclass
class _Doubt:
    heard_at: float
    timeouts: int = 0
    held_until: float = 0.0
    hold_s: float = 0.0


class Breaker:
    """Counts timeouts of each lane in a row. It knows of this notifier's attempts alone."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._doubts: dict[str, _Doubt] = {}

    def heard(self, lane: str, error: str | None) -> None:
        """How an attempt ended; anything but a timeout ends every doubt."""
        if error not in _TIMEOUTS:
            self._doubts.pop(lane, None)
            return
        now = self._clock()
        doubt = self._doubts.setdefault(lane, _Doubt(now))
        doubt.timeouts, doubt.heard_at = doubt.timeouts + 1, now
        # Those that were under way when it began to be held say nothing new.
        if doubt.timeouts >= TIMEOUTS_TO_HOLD and now >= doubt.held_until:
            doubt.hold_s = min(LONGEST_HOLD_S, max(SHORTEST_HOLD_S, 2 * doubt.hold_s))
            doubt.held_until = now + doubt.hold_s

    def held(self) -> dict[str, float]:
        """Lanes that are left alone, each for so many seconds yet."""
        now = self._clock()
        return {lane: doubt.held_until - now for lane, doubt in self._doubts.items() if doubt.held_until > now}

    def taken(self, busy: Mapping[str, int]) -> dict[str, int]:
        """Places taken in each lane: all in one that is held, and all but one in one that is to be tried again."""
        taken, now = dict(busy), self._clock()
        for lane, doubt in self._doubts.items():
            if doubt.held_until > now or (doubt.hold_s and busy.get(lane)):
                taken[lane] = MOST_OF_A_LANE
            elif doubt.hold_s:
                taken[lane] = MOST_OF_A_LANE - 1
        return taken

    def forget(self) -> None:
        """Drops doubts of lanes that were not heard of for twice the longest hold: they take nobody's place."""
        oldest = self._clock() - 2 * LONGEST_HOLD_S
        self._doubts = {lane: doubt for lane, doubt in self._doubts.items() if doubt.heard_at > oldest}
