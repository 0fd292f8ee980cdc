"""Counts failed jobs, and attempts of workers that are gone, in whichever process ends them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, Literal, get_args

from prometheus_client import Counter

FAILED: Final = Counter("impasto_jobs_failed", "Jobs that failed, by kind and error code", ["kind", "code"])
# Whoever ran these cannot count their end.
LOST: Final = Counter("impasto_attempts_lost", "Attempts whose worker was gone, by who noticed", ["kind", "noticed"])
Noticed = Literal["lease_expired", "worker_restarted"]

# What ends a job that was given up after too many lost attempts: it is dead until somebody retries it.
DEAD: Final = ("worker_lost", "runner_killed", "out_of_memory", "no_progress")

# What the platform itself ends a job with; a handler's own codes come beside.
_EXPECTED: Final = (
    *DEAD,
    "internal_error",
    "deadline_missed",
    "start_missed",
    "time_limit",
    "storage_unavailable",
)


def expect_failures(kinds: Iterable[str]) -> None:
    """Begins to count at nought: the first failure of a series that came out of nowhere would be no rise."""
    for kind in kinds:
        for code in _EXPECTED:
            FAILED.labels(kind, code)
        for noticed in get_args(Noticed):
            LOST.labels(kind, noticed)


def count_lost(kinds: Iterable[str], noticed: Noticed) -> None:
    """Counts attempts that a worker left behind, each by the kind of its job."""
    for kind in kinds:
        LOST.labels(kind, noticed).inc()
