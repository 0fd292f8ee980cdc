"""Counts failed jobs in whichever process ends them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from prometheus_client import Counter

FAILED: Final = Counter("impasto_jobs_failed", "Jobs that failed, by kind and error code", ["kind", "code"])

# What the platform itself ends a job with; a handler's own codes come beside.
_EXPECTED: Final = (
    "internal_error",
    "worker_lost",
    "runner_killed",
    "out_of_memory",
    "no_progress",
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
