"""What a worker says through Redis: from a thread of its own, because no job may wait for a Redis that is silent."""

from __future__ import annotations

import logging
import math
import queue
import threading
import time
from collections.abc import Callable, Iterable
from typing import Final, Protocol

from kombu.exceptions import OperationalError as BrokerError
from redis.exceptions import RedisError

from impasto.faults import trace_of
from impasto.jobs import ClaimedJob

_LOG = logging.getLogger("impasto.ringing")
_MOST_WAITING: Final = 10_000
_MOST_AT_ONCE: Final = 500
# In a burst readers are woken so often, and no oftener: each call costs the worker more than a short job does.
_EVERY_S: Final = 0.05
_WARNS_EVERY_S: Final = 5.0


class Sayer(Protocol):
    """What rings bells and wakes the readers of jobs and of their tenant, such as `Bells`."""

    def ring(self, queue: str) -> None: ...

    def tell(self, job_ids: list[str], tenant_id: str | None) -> None: ...


class Ringing:
    """`ring` and `tell` return at once. What cannot be said is dropped: the reconciler rings, and readers poll."""

    def __init__(self, bells: Sayer) -> None:
        self._bells = bells
        self._waiting: queue.Queue[str | ClaimedJob] = queue.Queue(_MOST_WAITING)
        self._pause = threading.Event()
        self._dropped, self._warned_at = 0, -math.inf
        threading.Thread(target=self._say_for_ever, name="ringing", daemon=True).start()

    def ring(self, queue_name: str) -> None:
        """Puts a bell into the queue, soon."""
        self._soon(queue_name)

    def tell(self, job: ClaimedJob) -> None:
        """Wakes the readers of a job's events, soon, together with what else comes up meanwhile."""
        self._soon(job)

    def _soon(self, what: str | ClaimedJob) -> None:
        try:
            self._waiting.put_nowait(what)
        except queue.Full:
            self._dropped += 1
            if time.monotonic() - self._warned_at > _WARNS_EVERY_S:
                self._warned_at = time.monotonic()
                _LOG.warning("Redis has been silent for too long: %d things were not said by now", self._dropped)

    def _say_for_ever(self) -> None:
        while True:
            several = [self._waiting.get()]
            while len(several) < _MOST_AT_ONCE and not self._waiting.empty():
                several.append(self._waiting.get())
            for queue_name in (each for each in several if isinstance(each, str)):
                self._say(lambda name=queue_name: self._bells.ring(name))  # type: ignore[misc]
            self._tell_all(each for each in several if not isinstance(each, str))
            # What comes meanwhile goes together; whoever had nothing to say for longer has said this at once.
            self._pause.wait(_EVERY_S)

    def _tell_all(self, jobs: Iterable[ClaimedJob]) -> None:
        by_tenant: dict[str, dict[str, None]] = {}
        for job in jobs:
            by_tenant.setdefault(job.tenant_id, {})[job.id] = None
        for tenant_id, job_ids in by_tenant.items():
            self._say(lambda ids=list(job_ids), whose=tenant_id: self._bells.tell(ids, whose))  # type: ignore[misc]

    def _say(self, say: Callable[[], None]) -> None:
        try:
            say()
        except (BrokerError, RedisError, OSError) as error:
            _LOG.debug("something was not said: %s", type(error).__name__)
        except Exception as error:  # noqa: BLE001  whatever it was, the next must be said
            _LOG.error("something was not said\n%s", trace_of(error))
