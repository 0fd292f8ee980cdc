"""What a worker says through Redis: from a thread of its own, because no job may wait for a Redis that is silent."""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable
from functools import partial
from typing import Final

from kombu.exceptions import OperationalError as BrokerError
from redis.exceptions import RedisError

from impasto.backends.bells import Bells
from impasto.faults import trace_of

_LOG = logging.getLogger("impasto.ringing")
_MOST_WAITING: Final = 1000


class Ringing:
    """`ring` and `tell` return at once. What cannot be said is dropped: the reconciler rings, and readers poll."""

    def __init__(self, bells: Bells) -> None:
        self._bells = bells
        self._waiting: queue.Queue[Callable[[], None]] = queue.Queue(_MOST_WAITING)
        threading.Thread(target=self._say_for_ever, name="ringing", daemon=True).start()

    def ring(self, queue_name: str) -> None:
        """Puts a bell into the queue, soon."""
        self._soon(partial(self._bells.ring, queue_name))

    def tell(self, job_id: str) -> None:
        """Wakes the readers of a job's events, soon."""
        self._soon(partial(self._bells.tell, [job_id]))

    def _soon(self, say: Callable[[], None]) -> None:
        try:
            self._waiting.put_nowait(say)
        except queue.Full:
            _LOG.warning("something was not said: Redis has been silent for too long")

    def _say_for_ever(self) -> None:
        while True:
            say = self._waiting.get()
            try:
                say()
            except (BrokerError, RedisError, OSError) as error:
                _LOG.debug("something was not said: %s", type(error).__name__)
            except Exception as error:  # noqa: BLE001  whatever it was, the next must be said
                _LOG.error("something was not said\n%s", trace_of(error))
