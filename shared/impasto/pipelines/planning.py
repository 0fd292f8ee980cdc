"""What follows from what has happened: which steps begin, which never will, and whether the pipeline has ended."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError

from impasto.artifacts import ArtifactRef
from impasto.kinds import Kind
from impasto.pipelines import conditions, references, shapes
from impasto.pipelines.conditions import Comparison
from impasto.pipelines.records import PipelineState, StepState
from impasto.pipelines.references import Reference


@dataclass(frozen=True, slots=True)
class StepNow:
    """A step as it is; `result` of one that has succeeded."""

    name: str
    kind: str
    params: dict[str, Any]
    condition: str | None
    needs: tuple[str, ...]
    priority: int
    state: StepState
    result: dict[str, Any] | None = None
    no_progress_s: float | None = None


@dataclass(frozen=True, slots=True)
class Begin:
    """Its job is to be submitted, with these params."""

    step: StepNow
    kind: Kind[Any, Any]
    params: dict[str, Any]


@dataclass(frozen=True, slots=True)
class End:
    """It ends without a job."""

    step: StepNow
    state: StepState
    reason: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Unknown:
    """Its turn has come, but this process does not know a kind that it takes to begin it."""

    step: StepNow
    kind: str


@dataclass(slots=True)
class Plan:
    """What is to be done now. `unknown`: steps with kinds that this process does not know; another one will."""

    begins: list[Begin] = field(default_factory=list)
    ends: list[End] = field(default_factory=list)
    unknown: list[Unknown] = field(default_factory=list)
    final: PipelineState | None = None


def plan(
    steps: Sequence[StepNow],
    kinds: Mapping[str, Kind[Any, Any]],
    *,
    canceled: bool,
    refused: Mapping[str, dict[str, Any]] | None = None,
) -> Plan:
    """`steps` stand each after those that it needs. `refused`: steps whose params name what they may not."""
    made = Plan()
    now = {step.name: step.state for step in steps}
    results = {step.name: (step.kind, step.result) for step in steps}
    for step in steps:
        if step.state is not StepState.WAITING:
            continue
        decided = _decide(step, now, results, kinds, canceled, refused or {})
        if isinstance(decided, End):
            now[step.name] = decided.state
            made.ends.append(decided)
        elif isinstance(decided, Begin):
            now[step.name] = StepState.QUEUED
            made.begins.append(decided)
        elif decided is not None:
            made.unknown.append(decided)
    if all(state.is_final for state in now.values()):
        made.final = _final(set(now.values()), canceled)
    return made


def _final(states: set[StepState], canceled: bool) -> PipelineState:
    if canceled and StepState.CANCELED in states:
        return PipelineState.CANCELED
    return PipelineState.FAILED if states & {StepState.FAILED, StepState.CANCELED} else PipelineState.SUCCEEDED


_Results = Mapping[str, tuple[str, dict[str, Any] | None]]


def _decide(
    step: StepNow,
    now: Mapping[str, StepState],
    results: _Results,
    kinds: Mapping[str, Kind[Any, Any]],
    canceled: bool,
    refused: Mapping[str, dict[str, Any]],
) -> Begin | End | Unknown | None:
    if canceled:
        return End(step, StepState.CANCELED, {"code": "canceled", "message": "canceled before it began"})
    for need in step.needs:
        if now[need] in {StepState.FAILED, StepState.CANCELED}:
            return _skip(step, "needs_failed", f"it needs {need}, which has {_WORDS[now[need]]}")
    for need in step.needs:
        if now[need] is StepState.SKIPPED:
            return _skip(step, "needs_skipped", f"it needs {need}, which was skipped")
    if any(now[need] is not StepState.SUCCEEDED for need in step.needs):
        return None
    if why := _unmet(step, results):
        return _skip(step, "condition_false", why)
    if step.name in refused:
        return End(step, StepState.FAILED, refused[step.name])
    known = {step.kind, *(results[need][0] for need in step.needs)}
    if missing := sorted(known - set(kinds)):
        return Unknown(step, missing[0])
    return _begin(step, results, kinds)


_WORDS = {StepState.FAILED: "failed", StepState.CANCELED: "been canceled"}


def _skip(step: StepNow, code: str, message: str) -> End:
    return End(step, StepState.SKIPPED, {"code": code, "message": message})


def _unmet(step: StepNow, results: _Results) -> str | None:
    if step.condition is None:
        return None

    def measured(found: Comparison) -> float | None:
        return shapes.number_of(shapes.value_at(results[found.step][1], found.path))

    condition = conditions.parse(step.condition)
    if conditions.holds(condition, measured):
        return None
    return f"{step.condition} does not hold: {conditions.told(condition, measured)}"


def _begin(step: StepNow, results: _Results, kinds: Mapping[str, Kind[Any, Any]]) -> Begin | End:
    """The job's params, checked now that all of their values are there."""

    def give(found: Reference) -> Any:
        kind, result = results[found.step]
        value = shapes.value_at(result, found.path)
        try:
            artifact = shapes.bare(shapes.field_at(kinds[kind].result, found.path)) is ArtifactRef
        except LookupError:  # of a result of another version
            artifact = False
        return shapes.identifier_of_artifact(value) if artifact and isinstance(value, dict) else value

    kind = kinds[step.kind]
    try:
        params = kind.params.model_validate(references.replaced(step.params, give))
    except ValidationError as wrong:
        first = wrong.errors(include_url=False)[0]
        at = references.dotted(first["loc"])
        reason = {"code": "value_invalid", "message": f"params.{at}: {first['msg']}", "field": f"params.{at}"}
        return End(step, StepState.FAILED, reason)
    return Begin(step, kind, params.model_dump(mode="json"))
