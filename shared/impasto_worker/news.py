"""That jobs have news, told by a thread of its own: no slot waits for Redis."""

from __future__ import annotations

import queue
import threading
from contextlib import suppress
from typing import Final, Protocol

from redis.exceptions import RedisError

_MOST_WAITING: Final = 10_000
_MOST_AT_ONCE: Final = 500


class Tells(Protocol):
    """What wakes the readers of these jobs' events, such as `Bells`."""

    def tell(self, job_ids: list[str]) -> None: ...


class News:
    """What cannot be told is left out: readers look for themselves every two seconds."""

    def __init__(self, bells: Tells) -> None:
        self._bells = bells
        self._waiting: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._tell_for_ever, name="news", daemon=True)
        self._thread.start()

    def of(self, job_id: str) -> None:
        """Told soon, together with what else comes up meanwhile."""
        if self._waiting.qsize() < _MOST_WAITING:
            self._waiting.put(job_id)

    def stop(self) -> None:
        """Tells what waits, and ends."""
        self._waiting.put(None)
        self._thread.join(5)

    def _tell_for_ever(self) -> None:
        going = True
        while going:
            several = [self._waiting.get()]
            while len(several) < _MOST_AT_ONCE and not self._waiting.empty():
                several.append(self._waiting.get())
            going = None not in several
            with suppress(RedisError, OSError):
                self._bells.tell(list(dict.fromkeys(job for job in several if job is not None)))
