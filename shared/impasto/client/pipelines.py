"""Flows of pipelines: submit, plan, cancel, resume, follow."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from typing import Any, Final

from impasto.client.answers import make, send
from impasto.client.flow import Emit, Flow, Request
from impasto.client.resources import fetch, place
from impasto.client.watching import Subject, watching
from impasto.errors import JobFailed
from impasto.pipelines.records import PipelineEvent, PipelinePlan, PipelineRecord, StepProgress, StepState

PIPELINE: Final = Subject("pipeline", PipelineRecord, PipelineEvent, StepProgress, resumes=True)
Steps = Mapping[str, Mapping[str, Any]]


def submitting(name: str, steps: Steps, key: str | None) -> Flow[PipelineRecord]:
    """Submits a pipeline. Retries cannot make a second one: the key is sent with each.

    Raises:
        InvalidInput: the platform refuses it; `data["errors"]` names each fault's place.
    """
    headers = {"Idempotency-Key": key or str(uuid.uuid4())}
    answer = yield from send(Request("POST", place("pipelines"), body=_body(name, steps), headers=headers))
    return PipelineRecord.model_validate_json(answer.content)


def planning(name: str, steps: Steps) -> Flow[PipelinePlan]:
    """What would run. Raises as `submitting` does."""
    answer = yield from send(Request("POST", place("pipelines"), body=_body(name, steps) | {"dry_run": True}))
    return PipelinePlan.model_validate_json(answer.content)


def canceling(pipeline_id: str) -> Flow[PipelineRecord]:
    """Asks for the pipeline to stop."""
    answer = yield from send(Request("POST", place("pipelines", pipeline_id, "cancel")))
    return PipelineRecord.model_validate_json(answer.content)


def resuming(pipeline_id: str) -> Flow[PipelineRecord]:
    """Tries again what failed or was canceled.

    Raises:
        Conflict: the pipeline has succeeded, or is about to stop.
    """
    answer = yield from send(Request("POST", place("pipelines", pipeline_id, "resume")))
    return PipelineRecord.model_validate_json(answer.content)


def following(pipeline_id: str, after: int = 0, timeout_s: float | None = None) -> Flow[None]:
    """Emits the pipeline's events after that number, and its jobs' progress, until it ends."""
    return watching(pipeline_id, after=after, timeout_s=timeout_s, subject=PIPELINE)


def waiting(
    pipeline_id: str,
    timeout_s: float | None = None,
    on_progress: Callable[[StepProgress], None] | None = None,
    on_event: Callable[[PipelineEvent], None] | None = None,
) -> Flow[PipelineRecord]:
    """The pipeline's final record, however it ended. Raises as `watching` does."""
    steps, got = following(pipeline_id, timeout_s=timeout_s), None
    while True:
        try:
            step = steps.send(got)
        except StopIteration:
            return (yield from fetch(PipelineRecord, "pipelines", pipeline_id))
        if not isinstance(step, Emit):
            got = yield step
            continue
        got = None
        if on_event and isinstance(step.value, PipelineEvent):
            on_event(step.value)
        if on_progress and isinstance(step.value, StepProgress):
            on_progress(step.value)


def succeeded(record: PipelineRecord) -> PipelineRecord:
    """The record, if every step has succeeded or was skipped by its condition.

    Raises:
        JobFailed: it failed or was canceled; `code` and `data["step"]` say why.
    """
    lost = [step for step in record.steps if step.state in {StepState.FAILED, StepState.CANCELED}]
    if not lost:
        return record
    first = next((step for step in lost if step.state is StepState.FAILED), lost[0])
    reason = dict(first.reason or {"code": "canceled"})
    code, hint = str(reason.pop("code")), reason.pop("hint", None)
    message = f"{first.name}: {reason.pop('message', code)}"
    raise make(JobFailed, code, message, hint, **(reason | {"step": first.name, "pipeline_id": record.id}))


def _body(name: str, steps: Steps) -> dict[str, Any]:
    return {"name": name, "steps": {step: dict(asked) for step, asked in steps.items()}}
