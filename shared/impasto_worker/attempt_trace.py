"""An attempt at a job as others see it: its span, and what its log lines have in common.

A slot hears a bell and claims whatever is best for it; an attempt goes on with the trace of its own job, from the bell
if that was rung for it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextvars import ContextVar
from typing import Final

from impasto.backends.postgres.queue import Claims
from impasto.backends.telemetry import spans
from impasto.backends.telemetry.bound import bound
from impasto.jobs import ClaimedJob
from impasto.traces import trace_id_of, trace_parent

_BELL: Final[ContextVar[str | None]] = ContextVar("bell", default=None)
# An end that takes nothing away from the job: it succeeded, or was to stop.
_WELL: Final = frozenset({"succeeded", "canceled", "drained"})
_FINISHES: Final = {"db.system.name": "postgresql", "db.operation.name": "UPDATE", "db.collection.name": "jobs"}


def heard_bell(headers: object) -> None:
    """What came with the bell that set this slot going: anything, in a queue that anybody may write to."""
    found = headers.get("traceparent") if isinstance(headers, Mapping) else None
    _BELL.set(trace_parent(found) if isinstance(found, str) else None)


def traced_attempt(job: ClaimedJob, attempt: Callable[[ClaimedJob], None]) -> None:
    """All of an attempt."""
    attributes = _attributes(job) if spans.recorded() else None
    with (
        bound(job_id=job.id, attempt=job.attempt, trace_id=trace_id_of(job.traceparent)),
        spans.span(f"process {job.kind}", "consumer", parent=_parent(job), attributes=attributes),
    ):
        attempt(job)


def traced_claim(claim: Callable[[], Claims]) -> Claims:
    """What was claimed, and in the trace of each of these jobs the statement that did so."""
    began_ns = spans.moment_ns()
    claims = claim()
    if began_ns:
        for job in claims.jobs:
            spans.past(
                f"receive {job.kind}",
                "client",
                parent=_parent(job),
                began_ns=began_ns,
                attributes={
                    **_attributes(job),
                    "messaging.operation.name": "claim",
                    "messaging.operation.type": "receive",
                },
            )
    return claims


def tell_ended(how: str) -> None:
    """How the attempt ended, on its span."""
    if spans.recorded():
        span = spans.current()
        span.set({"impasto.attempt.ended": how})
        if how not in _WELL:
            span.fail(how)


def traced_finish(how: str, finish: Callable[[], bool]) -> bool:
    """The commit that ends a job: its result, its event and its deliveries."""
    about = {**_FINISHES, "impasto.event": f"job.{how}"} if spans.recorded() else None
    with spans.span("UPDATE jobs", "client", attributes=about):
        return finish()


def _parent(job: ClaimedJob) -> str | None:
    bell = _BELL.get()
    return bell if bell and trace_id_of(bell) == trace_id_of(job.traceparent) else job.traceparent


def _attributes(job: ClaimedJob) -> dict[str, str | int | float | bool]:
    return {
        "messaging.system": "celery",
        "messaging.operation.name": "process",
        "messaging.operation.type": "process",
        "impasto.job.id": job.id,
        "impasto.job.kind": job.kind,
        "impasto.job.attempt": job.attempt,
        "impasto.job.epoch": job.epoch,
        "impasto.job.shape": job.shape,
        **({} if job.waited_s is None else {"impasto.job.waited_s": job.waited_s}),
    }
