"""What a worker counts of its attempts, for Prometheus."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import prometheus_client as prometheus

from impasto.jobs import ClaimedJob
from impasto_worker.handling import Handler

ENDED: Final = prometheus.Counter("impasto_attempts_ended", "Attempts by kind and how they ended", ["kind", "how"])
STARTED: Final = prometheus.Counter("impasto_attempts_started", "Attempts by queue and kind", ["queue", "kind"])
# From what nobody notices to what nobody waits for: a stylised picture takes seconds, a training hours.
_BUCKETS: Final = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 900, 3600, 14400)
WAITED: Final = prometheus.Histogram(
    "impasto_queue_wait_seconds", "From when a job could start to its first start", ["queue", "kind"], buckets=_BUCKETS
)
RAN: Final = prometheus.Histogram(
    "impasto_run_seconds", "Attempts that succeeded, from claim to finish", ["kind"], buckets=_BUCKETS
)
LATE: Final = prometheus.Counter("impasto_late_results_refused", "Results refused because the epoch was old")


def expect_attempts(handlers: Mapping[str, Handler]) -> None:
    """Known before they count anything: a first job is a rise from nought, not a series out of nowhere."""
    for handler in handlers.values():
        STARTED.labels(handler.kind.queue, handler.kind.name)
        WAITED.labels(handler.kind.queue, handler.kind.name)
        RAN.labels(handler.kind.name)
        for how in ("succeeded", "failed"):
            ENDED.labels(handler.kind.name, how)


def count_start(job: ClaimedJob, handlers: Mapping[str, Handler]) -> None:
    """A kind without a handler is the attempt's to fail by its name."""
    queue = handlers[job.kind].kind.queue if job.kind in handlers else "unknown"
    STARTED.labels(queue, job.kind).inc()
    if job.waited_s is not None:
        WAITED.labels(queue, job.kind).observe(max(0.0, job.waited_s))


def count_end(job: ClaimedJob, how: str, seconds: float) -> None:
    """An attempt that ended, `how` as it is called in `ENDED`."""
    ENDED.labels(job.kind, how).inc()
    if how == "succeeded":
        RAN.labels(job.kind).observe(seconds)
