"""The lease keeper: one thread a worker renews all its leases and brings back what the jobs were told."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Collection
from typing import Final

from psycopg import OperationalError
from psycopg_pool import PoolTimeout

from impasto.backends.postgres.queue import PostgresQueue, Renewed
from impasto.faults import trace_of
from impasto.workers import Holding
from impasto_worker.active import ActiveJob, ActiveJobs
from impasto_worker.stops import StopReason

_LOG = logging.getLogger("impasto.leases")
# A cancel is noticed within this; the statement costs well under a millisecond.
_BUSY_S: Final = 2.0
_IDLE_S: Final = 5.0
# So long a worker computes on without the database; then somebody else surely has its jobs.
_WITHOUT_DATABASE_S: Final = 60.0


class LeaseKeeper:
    """Renews while there are jobs; otherwise only says that the worker lives. Tells what it holds both ways."""

    def __init__(
        self,
        queue: PostgresQueue,
        active: ActiveJobs,
        *,
        every_s: float = _BUSY_S,
        on_idle: Callable[[], None],
        holding: Callable[[], Holding] = Holding,
        on_turn: Callable[[], None] = lambda: None,
        claimed: Callable[[], Collection[str]] = tuple,
    ) -> None:
        """`claimed`: the jobs that are this worker's and in no slot yet."""
        self._queue, self._active, self._every_s, self._on_idle = queue, active, every_s, on_idle
        self._holding, self._on_turn, self._claimed = holding, on_turn, claimed
        self._wake = threading.Event()
        self._ended = False
        self._renewed_at = time.monotonic()
        self._thread = threading.Thread(target=self._keep, name="lease-keeper", daemon=True)

    def start(self) -> None:
        self._wake.set()  # what it holds is told at once
        self._thread.start()

    def stop(self) -> None:
        self._ended = True
        self._wake.set()
        if self._thread.is_alive():  # it is not, if the worker was told to stop before it began
            self._thread.join(5)

    def notice(self) -> None:
        """There is a new job: renew soon."""
        self._wake.set()

    def _keep(self) -> None:
        while not self._ended:
            self._wake.wait(self._every_s if self._active.snapshot() else _IDLE_S)
            self._wake.clear()
            self._on_turn()
            try:
                self._turn()
            except (OperationalError, PoolTimeout) as error:
                _LOG.warning("leases could not be renewed: %s", type(error).__name__)
                self._give_up_if_long_without_database()
            except Exception as error:  # noqa: BLE001  whatever it was, the next turn must come
                _LOG.error("a turn of the lease keeper failed\n%s", trace_of(error))
            # At most so often, also when many short jobs wake this thread.
            time.sleep(min(0.5, self._every_s))

    def _turn(self) -> None:
        # In this order: what a slot takes in between is named twice, and not left out.
        now, claimed, held = time.monotonic(), self._claimed(), self._active.snapshot()
        # Whatever was claimed after this snapshot is not judged by this answer.
        renewed = self._queue.renew([*(active.job.id for active in held), *claimed], self._holding())
        self._renewed_at = now
        for active in held:
            self._judge(active, renewed.get(active.job.id))
        if not all(lease.renewed for lease in renewed.values()):
            self._wake.set()  # whoever holds that row has let it go by then, or the next time
        if not held:
            self._on_idle()

    def _judge(self, active: ActiveJob, renewed: Renewed | None) -> None:
        if renewed is None or renewed.epoch != active.job.epoch:
            active.stop(StopReason.LEASE_LOST)
        elif renewed.cancel_requested:
            active.stop(StopReason.CANCELED)
        elif renewed.deadline_missed:
            active.stop(StopReason.DEADLINE_MISSED)
        elif time.monotonic() - active.since > active.job.run_limit_s:
            active.stop(StopReason.TIME_LIMIT)
        elif active.hangs():
            active.stop(StopReason.NO_PROGRESS)

    def _give_up_if_long_without_database(self) -> None:
        if time.monotonic() - self._renewed_at > _WITHOUT_DATABASE_S:
            for active in self._active.snapshot():
                active.stop(StopReason.LEASE_LOST)
