"""Pipelines as they are asked for and shown; knows no kind, so that a client loads it for nothing."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from impasto.estimates import Interval
from impasto.jobs import LEAST_NO_PROGRESS_S, MOST_NO_PROGRESS_S, JobState, Progress, WaitsFor

MOST_STEPS: Final = 50
MOST_CONDITION_CHARACTERS: Final = 500

StepName = Annotated[str, StringConstraints(pattern="^[a-z][a-z0-9_-]{0,39}$")]
PipelineName = Annotated[str, StringConstraints(pattern=r"^[^\x00-\x1f\x7f]{1,100}$")]

# A pipeline has the states of a job.
PipelineState = JobState


class StepState(StrEnum):
    """Where a step is. Once it has a job its state is the job's; `skipped` is as final as the last three."""

    WAITING = "waiting"
    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELED = "canceled"
    SKIPPED = "skipped"

    @property
    def is_final(self) -> bool:
        return self not in {StepState.WAITING, StepState.QUEUED, StepState.RUNNING}


class StepRequest(BaseModel):
    """A step: what a job takes, and when it is its turn."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True, serialize_by_alias=True)

    kind: str = Field(max_length=100, examples=["train.style_classifier"])
    params: dict[str, Any] = Field(
        description="As the kind takes them; any value may be `$steps.<step>.<field>` of another step's result.",
        examples=[{"dataset_version": "$steps.prepare.dataset_version"}],
    )
    condition: str | None = Field(
        None,
        alias="if",
        min_length=1,
        max_length=MOST_CONDITION_CHARACTERS,
        description="Measures of other steps compared with numbers; the step is skipped unless it holds.",
        examples=["evaluate.accuracy > 0.8 and evaluate.ece < 0.1"],
    )
    after: list[StepName] = Field([], max_length=MOST_STEPS, description="Steps that must have succeeded before it.")
    priority: int = Field(0, ge=-10, le=10, description="Of its job; higher goes first.")
    no_progress_s: float | None = Field(
        None,
        ge=LEAST_NO_PROGRESS_S,
        le=MOST_NO_PROGRESS_S,
        allow_inf_nan=False,
        description="Seconds that its job's computation may tell no progress; if left out, as its kind allows.",
    )


class PipelineRequest(BaseModel):
    """Steps by name. Their order follows from what they take from one another, their conditions and `after`."""

    model_config = ConfigDict(extra="forbid")

    name: PipelineName = Field(examples=["hands"])
    steps: dict[StepName, StepRequest] = Field(min_length=1, max_length=MOST_STEPS)
    dry_run: bool = Field(False, description="Only say what would run.")


class StepRecord(BaseModel):
    """A step as the API shows it: what was asked for, and what has become of it."""

    model_config = ConfigDict(populate_by_name=True, serialize_by_alias=True)

    name: str
    kind: str
    state: StepState
    params: dict[str, Any] = Field(description="As they were submitted; the job has them with what others gave.")
    condition: str | None = Field(None, alias="if")
    needs: list[str] = Field(description="Steps that must succeed before it.")
    priority: int
    no_progress_s: float | None = None
    job_id: str | None = None
    reason: dict[str, Any] | None = Field(None, description="Why it failed, was canceled or skipped: code, message.")
    progress: Progress | None = None
    waiting_for: WaitsFor | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None


class PipelineSummary(BaseModel):
    """A pipeline in a list."""

    id: str
    name: str
    state: PipelineState
    cancel_requested: bool
    steps_by_state: dict[StepState, int] = Field(description="How many steps are in each state.")
    created_at: datetime
    started_at: datetime | None = None
    finished_at: datetime | None = None


class PipelineRecord(PipelineSummary):
    """A pipeline and its steps, each after those that it needs."""

    steps: list[StepRecord]


class StepEstimate(BaseModel):
    """How long a step may wait and run, from what was measured; null where too little is known."""

    start_in_s: Interval | None = Field(None, description="Were it submitted now: its needs come on top.")
    run_s: Interval | None = None


class PlannedStep(BaseModel):
    """A step as it would run, in its turn."""

    model_config = ConfigDict(populate_by_name=True, serialize_by_alias=True)

    name: str
    kind: str
    queue: str
    needs: list[str]
    takes: dict[str, str] = Field(description="Where in its params it takes what from another step.")
    condition: str | None = Field(None, alias="if")
    estimate: StepEstimate | None = None


class PipelinePlan(BaseModel):
    """What would run, in an order in which it could; everything was checked as for a submission."""

    name: str
    dry_run: Literal[True] = True
    checks: list[str] = Field(description="What was checked and found right.")
    steps: list[PlannedStep]


class PipelineEvent(BaseModel):
    """A numbered fact about a pipeline, in the past tense; `step` and `job_id` if it is about one of its steps."""

    pipeline_id: str
    number: int
    type: str
    step: str | None = None
    job_id: str | None = None
    data: dict[str, Any] = {}
    occurred_at: datetime


class StepProgress(BaseModel):
    """How far the job of a step is: state, not an event; it has no number."""

    step: str
    job_id: str
    progress: Progress


PIPELINE_EVENT_TYPES: Final[dict[str, str]] = {
    "pipeline.queued": "the pipeline was accepted",
    "pipeline.started": "its first job has started",
    "pipeline.cancel_requested": "somebody asked for the pipeline to stop",
    "pipeline.resumed": "somebody asked for what failed or was canceled to run again",
    "pipeline.succeeded": "every step has succeeded or was skipped by its condition",
    "pipeline.failed": "every step has ended, and some have failed",
    "pipeline.canceled": "every step has ended after the pipeline was asked to stop",
    "step.queued": "what the step needs is there; its job was accepted",
    "step.started": "a worker took its job",
    "step.requeued": "an attempt was lost and its job waits again",
    "step.succeeded": "its job ended and has a result",
    "step.failed": "its job ended with an error, or what it was given did not fit; `code` tells which",
    "step.canceled": "its job was canceled, or it was not begun when the pipeline was",
    "step.skipped": "its condition does not hold, or it needs a step that did not succeed; `code` tells which",
}
