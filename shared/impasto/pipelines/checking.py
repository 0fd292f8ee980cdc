"""Checks a pipeline whole before anything of it starts; every fault is named at its exact place.

Faults have the form of pydantic's, so that they are told in one way with those that pydantic finds itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from pydantic import ValidationError

from impasto.kinds import Kind
from impasto.pipelines import conditions, references, shapes
from impasto.pipelines.conditions import Condition, NotACondition
from impasto.pipelines.records import PipelineRequest, StepRequest
from impasto.pipelines.references import Place, Reference

CHECKS: Final = (
    "names, kinds and the order of the steps",
    "params, with something of the right type for what other steps will give",
    "references to results: the step, the field and its type",
    "conditions and the measures in them",
    "things that the params name: that they exist and may be used",
)
# A value that is not known yet may well be within bounds: these are judged when it is there.
_OF_THE_VALUE: Final = frozenset({
    "greater_than", "greater_than_equal", "less_than", "less_than_equal", "multiple_of", "too_short", "too_long",
    "string_too_short", "string_too_long",
})  # fmt: skip

Fault = dict[str, Any]


class Faulty(ValueError):
    """What is wrong with a pipeline, each at its place."""

    def __init__(self, faults: list[Fault]) -> None:
        super().__init__(f"{len(faults)} faults")
        self.faults = faults


@dataclass(frozen=True, slots=True)
class CheckedStep:
    """A step that can run when its turn comes."""

    name: str
    request: StepRequest
    kind: Kind[Any, Any]
    takes: tuple[Reference, ...]
    condition: Condition | None
    needs: tuple[str, ...] = field(default=())


def check(pipeline: PipelineRequest, kinds: Mapping[str, Kind[Any, Any]]) -> list[CheckedStep]:
    """The steps, each after those that it needs.

    Raises:
        Faulty: it could not run.
    """
    faults: list[Fault] = []
    steps: dict[str, CheckedStep] = {}
    for name, request in pipeline.steps.items():
        try:
            steps[name] = _read(name, request, kinds)
        except Faulty as wrong:
            faults += wrong.faults
    known = {name: kinds[request.kind] for name, request in pipeline.steps.items() if request.kind in kinds}
    for step in steps.values():
        faults += _wrong_names(step, pipeline)
        faults += _wrong_params(step, known)
        faults += _wrong_measures(step, known)
    if not faults:
        faults += _circles(steps)
    if not faults:
        for step in steps.values():
            faults += _never_measured(step, steps)
    if faults:
        raise Faulty(faults)
    return in_order(steps)


def in_order(steps: Mapping[str, CheckedStep]) -> list[CheckedStep]:
    """Each after those that it needs, otherwise as they were given. What is in a circle is left out."""
    left, done = dict(steps), dict[str, CheckedStep]()
    while ready := [step for step in left.values() if all(need in done for need in step.needs)]:
        done[ready[0].name] = left.pop(ready[0].name)
    return list(done.values())


def _read(name: str, request: StepRequest, kinds: Mapping[str, Kind[Any, Any]]) -> CheckedStep:
    faults: list[Fault] = []
    if request.kind not in kinds:
        there = ", ".join(sorted(kinds))
        faults.append(_fault("kind_unknown", (name, "kind"), f"no job kind of that name; there are {there}"))
    takes: tuple[Reference, ...] = ()
    try:
        takes = tuple(references.references_in(request.params))
    except RecursionError:
        faults.append(_fault("value_invalid", (name, "params"), f"deeper than {references.DEEPEST} levels"))
    condition = None
    try:
        condition = conditions.parse(request.condition) if request.condition is not None else None
    except NotACondition as wrong:
        faults.append(_fault("condition_invalid", (name, "if"), str(wrong)))
    if faults:
        raise Faulty(faults)
    measured = [found.step for found in conditions.comparisons(condition)] if condition else []
    needs = dict.fromkeys([*(found.step for found in takes if found.step), *measured, *request.after])
    return CheckedStep(name, request, kinds[request.kind], takes, condition, tuple(needs))


def _wrong_names(step: CheckedStep, pipeline: PipelineRequest) -> Iterator[Fault]:
    for number, name in enumerate(step.request.after):
        if fault := _wrong_step(name, step.name, pipeline):
            yield _fault("step_unknown", (step.name, "after", number), fault)
    for found in conditions.comparisons(step.condition) if step.condition else ():
        if fault := _wrong_step(found.step, step.name, pipeline):
            yield _fault("step_unknown", (step.name, "if"), fault)
    for taken in step.takes:
        place = (step.name, "params", *taken.place)
        if not taken.step:
            yield _fault("reference_invalid", place, "a reference is a whole value: `$steps.<step>.<field>`")
        elif fault := _wrong_step(taken.step, step.name, pipeline):
            yield _fault("step_unknown", place, fault)


def _wrong_step(name: str, own: str, pipeline: PipelineRequest) -> str | None:
    if name == own:
        return "a step cannot need itself"
    return None if name in pipeline.steps else f"no step of that name; there are {', '.join(pipeline.steps)}"


def _wrong_params(step: CheckedStep, known: Mapping[str, Kind[Any, Any]]) -> Iterator[Fault]:
    taken: dict[str, Any] = {}
    for found in step.takes:
        if found.step not in known or found.text in taken:
            continue
        kind = known[found.step]
        try:
            taken[found.text] = shapes.field_at(kind.result, found.path)
        except LookupError as missing:
            above = tuple(filter(None, str(missing.args[0]).split(".")))
            names = ", ".join(shapes.names_of(shapes.field_at(kind.result, above))) or "none"
            where = ".".join((found.step, *above))
            place = (step.name, "params", *found.place)
            yield _fault(
                "reference_invalid", place, f"`{where}` ({kind.name}) has no such field; its fields are {names}"
            )
    places = {found.place: taken[found.text] for found in step.takes if found.text in taken}
    stood_in = references.replaced(
        step.request.params, lambda found: shapes.stand_in(taken[found.text]) if found.text in taken else "x"
    )
    try:
        step.kind.params.model_validate(stood_in)
    except ValidationError as wrong:
        broken = {found.place for found in step.takes} - set(places)
        yield from _told(step, wrong, places, broken)


def _told(
    step: CheckedStep, wrong: ValidationError, places: Mapping[Place, Any], broken: set[Place]
) -> Iterator[Fault]:
    """What pydantic found, but for what it can only know when the values are there."""
    told: set[Place] = set()
    for found in wrong.errors(include_url=False, include_context=True):
        at = found["loc"]
        if _over(at, broken) is not None:
            continue  # the reference itself is at fault, and that was said
        place = _over(at, set(places))
        if place is None:
            yield {**found, "loc": ("body", "steps", step.name, "params", *at)}
        elif found["type"] not in _OF_THE_VALUE and places[place] is not Any and place not in told:
            told.add(place)
            what = shapes.named(places[place])
            said = f"the reference gives {what}, which does not fit: {found['msg']}"
            yield _fault("reference_invalid", (step.name, "params", *place), said)


def _over(at: Place, places: set[Place]) -> Place | None:
    return next((place for place in places if at[: len(place)] == place), None)


def _wrong_measures(step: CheckedStep, known: Mapping[str, Kind[Any, Any]]) -> Iterator[Fault]:
    for found in conditions.comparisons(step.condition) if step.condition else ():
        kind = known.get(found.step)
        if kind is None:
            continue
        try:
            fits = shapes.is_measure(shapes.field_at(kind.result, found.path))
        except LookupError:
            fits = False
        if not fits:
            there = ", ".join(shapes.measures_of(kind.result)) or "none"
            said = f"{found.measure} is no measure of {kind.name}; there are {there}, and those within its other fields"
            yield _fault("condition_invalid", (step.name, "if"), said)


def _never_measured(step: CheckedStep, steps: Mapping[str, CheckedStep]) -> Iterator[Fault]:
    """A checkpoint of this pipeline that would be used before it is measured, which is refused: better told now."""
    used = next((found for found in step.takes if found.place == ("checkpoint",)), None)
    if used is None or not _wants_measured(step):
        return
    before = (steps[name] for name in _ancestors(step, steps))
    if not any(_measures(other, used) for other in before):
        said = "it is not measured before this step: add a step that evaluates it, and name it in `after` or `if`"
        yield _fault("checkpoint_not_measured", (step.name, "params", "checkpoint"), said)


def _wants_measured(step: CheckedStep) -> bool:
    field = step.kind.params.model_fields.get("allow_unmeasured")
    return field is not None and step.request.params.get("allow_unmeasured", field.default) is False


def _measures(step: CheckedStep, used: Reference) -> bool:
    return step.kind.name.startswith("evaluate.") and step.request.params.get("checkpoint") == used.text


def _ancestors(step: CheckedStep, steps: Mapping[str, CheckedStep]) -> list[str]:
    found = list(step.needs)
    for name in found:
        found += [need for need in steps[name].needs if need not in found]
    return found


def _circles(steps: Mapping[str, CheckedStep]) -> Iterator[Fault]:
    """One fault for each step that waits for itself by way of others."""
    ordered = {step.name for step in in_order(steps)}
    for name in steps:
        if name not in ordered and (way := _way_back(name, steps)):
            yield _fault("steps_cyclic", (name,), f"it waits for itself: {' → '.join(way)}")


def _way_back(name: str, steps: Mapping[str, CheckedStep]) -> list[str]:
    ways = [[name]]
    seen = set[str]()
    for way in ways:
        for need in steps[way[-1]].needs:
            if need == name:
                return [*way, name]
            if need not in seen:
                seen.add(need)
                ways.append([*way, need])
    return []


def _fault(code: str, place: Place, message: str) -> Fault:
    return {"type": code, "loc": ("body", "steps", *place), "msg": message, "ctx": {}}
