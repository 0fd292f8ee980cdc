"""Why a running job is stopped from outside, and the exceptions that unwind it."""

from __future__ import annotations

from enum import StrEnum


class StopReason(StrEnum):
    """What the lease keeper, or the end of the process, wants of a running job."""

    CANCELED = "canceled"
    LEASE_LOST = "lease_lost"
    DEADLINE_MISSED = "deadline_missed"
    TIME_LIMIT = "time_limit"
    NO_PROGRESS = "no_progress"
    DRAINED = "drained"


class Stopped(Exception):
    """The job is to stop here; `reason` tells what becomes of it."""

    def __init__(self, reason: StopReason) -> None:
        super().__init__(reason.value)
        self.reason = reason


class Left(Exception):
    """Raised in a runner by a computation that was told to leave, once it has noted what another can go on from."""
