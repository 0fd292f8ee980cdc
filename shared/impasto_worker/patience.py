"""Patience with an outage of the store or the database: no reason to throw an hour's work away."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Final, TypeVar

from psycopg import OperationalError
from psycopg_pool import PoolTimeout

from impasto.errors import Unavailable

_LOG = logging.getLogger("impasto.patience")
_PATIENCE_S: Final = 90.0
END_PATIENCE_S: Final = 120.0
"""How long the end of a job is tried for."""

T = TypeVar("T")


def patiently(action: Callable[[], T], check: Callable[[], None]) -> T:
    """Tries for 90 seconds. `check` raises where the job has to stop. What is tried must bear to be done twice.

    Raises:
        Unavailable, OperationalError, PoolTimeout: what the last try raised.
    """
    deadline, pause_s = time.monotonic() + _PATIENCE_S, 0.5
    while True:
        check()
        try:
            return action()
        except (Unavailable, OperationalError, PoolTimeout) as error:
            if time.monotonic() > deadline:
                raise
            _LOG.warning("%s; trying again in %.1f s", type(error).__name__, pause_s)
            time.sleep(pause_s)
            pause_s = min(pause_s * 2, 5.0)


def end_patiently(action: Callable[[], T]) -> T:
    """Tries for two minutes: the work is done, and the fence decides whether it still counts.

    Raises:
        OperationalError, PoolTimeout: what the last try raised.
    """
    deadline, pause_s = time.monotonic() + END_PATIENCE_S, 0.2
    while True:
        try:
            return action()
        except (OperationalError, PoolTimeout) as error:
            if time.monotonic() > deadline:
                raise
            _LOG.warning("the end of a job could not be written yet: %s", type(error).__name__)
            time.sleep(pause_s)
            pause_s = min(pause_s * 2, 5.0)
