"""What is told of jobs that were just accepted: in the log, and on the request's span."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Final

from impasto.backends.telemetry import spans
from impasto.backends.telemetry.bound import bind
from impasto.jobs import JobRecord

_LOG: Final = logging.getLogger("impasto.jobs")
# Of the statement, or the few, that accept a job.
ACCEPTS: Final = {"db.system.name": "postgresql", "db.operation.name": "INSERT", "db.collection.name": "jobs"}


def tell_accepted(job: JobRecord) -> None:
    """From here on the request is of this job. One line a request costs something: only whoever looks gets it."""
    bind(job_id=job.id)
    _LOG.debug("accepted a job of the kind %s", job.kind)
    if spans.recorded():
        spans.current().set({"impasto.job.id": job.id, "impasto.job.kind": job.kind})


def tell_all_accepted(jobs: Sequence[JobRecord]) -> None:
    """Of a whole call."""
    _LOG.debug("accepted %d jobs, of which the first is %s", len(jobs), jobs[0].id)
    if spans.recorded():
        spans.current().set({"impasto.jobs": len(jobs)})
