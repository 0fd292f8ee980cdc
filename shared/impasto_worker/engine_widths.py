"""How wide a batch of each checkpoint may be: a lack of memory narrows it, steps that go well widen it again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

# So many full batches must go well before a wider one is tried; after each that was tried in vain, twice as many.
_GOOD_STEPS: Final = 64
_MOST_GOOD_STEPS: Final = 4096


@dataclass(slots=True)
class _Cap:
    """`proven`: so wide went well since the last lack, or nothing is known (0)."""

    width: int
    proven: int = 0
    good: int = 0
    needed: int = _GOOD_STEPS


class Widths:
    """The loop's alone. `most`: how wide a batch is while nothing is known against it."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._caps: dict[str, _Cap] = {}

    def of(self, key: str) -> int:
        """The widest batch of this checkpoint that memory was not too small for."""
        return self._caps[key].width if key in self._caps else self._most

    def note_good(self, key: str, width: int) -> None:
        """A batch of so many was advanced. Only full ones say something."""
        if (cap := self._caps.get(key)) is None or width < cap.width:
            return
        cap.good, cap.proven = cap.good + 1, cap.width
        if cap.good >= cap.needed:
            cap.width, cap.good = min(self._most, 2 * cap.width), 0

    def note_lack(self, key: str, width: int) -> bool:
        """A batch of so many lacked memory; says whether a narrower one went well just before.

        Then the wider one was only tried: nobody has to leave for it.
        """
        cap = self._caps.setdefault(key, _Cap(self._most))
        tried = 0 < cap.proven < width
        cap.width, cap.good = (cap.proven if tried else max(1, width // 2)), 0
        cap.proven = cap.width if tried else 0
        if tried:
            cap.needed = min(_MOST_GOOD_STEPS, 2 * cap.needed)
        return tried
