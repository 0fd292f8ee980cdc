"""Jobs: their states, what a worker is given, and the rules of who may end one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final, Literal

from pydantic import BaseModel, Field

from impasto.estimates import QueueEstimate
from impasto.logs import LogLine


class JobState(StrEnum):
    """Where a job is. The last three are final."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELED = "canceled"

    @property
    def is_final(self) -> bool:
        return self in FINAL_STATES


FINAL_STATES: Final = frozenset({JobState.SUCCEEDED, JobState.FAILED, JobState.CANCELED})

Shape = Literal["engine", "run", "pool"]
SHAPES: Final[tuple[Shape, ...]] = ("engine", "pool", "run")

# A worker whose host vanished is not the job's fault; one whose own runner died probably is.
MAX_WORKER_LOSSES: Final = 5
MAX_RUNNER_LOSSES: Final = 3

# Workers look with each renewal of a lease, a few seconds apart; and a computation that hangs holds its slot so long.
LEAST_NO_PROGRESS_S: Final = 10
MOST_NO_PROGRESS_S: Final = 86400


class Progress(BaseModel):
    """How far a job is: the last value, not a log."""

    fraction: float | None = None
    message: str = ""
    step: int | None = None
    steps: int | None = None
    series: dict[str, float] = {}


class WaitsFor(BaseModel):
    """Why a queued job cannot start now: no live worker consumes its queue, or none of those knows its kind."""

    code: Literal["no_worker"]
    missing: Literal["queue", "kind"]
    queue: str
    kind: str


class JobRecord(BaseModel):
    """A job as the API shows it."""

    id: str
    kind: str
    state: JobState
    params: dict[str, Any]
    result: dict[str, Any] | None = None
    error: dict[str, Any] | None = None
    progress: Progress | None = None
    attempts: int
    cancel_requested: bool
    created_at: datetime
    started_at: datetime | None = None
    finished_at: datetime | None = None
    start_after: datetime | None = None
    start_by: datetime | None = None
    finish_by: datetime | None = None
    no_progress_s: float | None = Field(None, description="As it was asked for; if it was not, the kind's counts.")
    retry_of: str | None = None
    pipeline_id: str | None = None
    trace_id: str | None = Field(
        None,
        description="Of the trace it belongs to, 32 hexadecimal digits; in the platform's logs and in webhooks too.",
    )
    waiting_for: WaitsFor | None = None
    log_tail: list[LogLine] | None = Field(None, description="The last log lines of a failed job that is asked for.")
    queue: QueueEstimate | None = Field(None, description="Of a queued job that is asked for with `?estimate=true`.")


class JobEvent(BaseModel):
    """A numbered fact about a job, in the past tense."""

    job_id: str
    number: int
    type: str
    data: dict[str, Any] = {}
    occurred_at: datetime


EVENT_TYPES: Final[dict[str, str]] = {
    "job.queued": "the job was accepted",
    "job.started": "a worker took the job; `attempt` and `worker` tell which",
    "job.cancel_requested": "somebody asked for the job to stop",
    "job.requeued": "an attempt was lost and the job waits again; `cause` tells why",
    "job.succeeded": "the job ended and has a result",
    "job.failed": "the job ended with an error; `code` tells which",
    "job.canceled": "the job ended because it was asked to",
}


@dataclass(frozen=True, slots=True)
class ClaimedJob:
    """A job in the hands of a worker: the lease is the right to run it, the epoch fences late results."""

    id: str
    tenant_id: str
    kind: str
    shape: Shape
    params: dict[str, Any]
    epoch: int
    attempt: int
    run_limit_s: float
    finish_by: datetime | None
    traceparent: str | None = None
    # Seconds between when it could have started and its first start; None for a later attempt.
    waited_s: float | None = None
    # The checkpoint that its worker should hold; empty where it makes no difference.
    affinity: str = ""
    # No other job may be drawn beside it: memory did not suffice for both.
    alone: bool = False
    # How long what computes may tell no progress, where the job was given a time of its own; else its kind's counts.
    no_progress_s: float | None = None
    # Its tenant may run so many at once and no more: until it has ended, another of theirs may have to wait for it.
    capped: bool = False
