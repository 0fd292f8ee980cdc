"""The check of a whole pipeline before anything starts, with the real kinds."""

from __future__ import annotations

from typing import Any

import pytest

from impasto.identifiers import new_id
from impasto.kinds import all_kinds
from impasto.pipelines import shapes
from impasto.pipelines.checking import Faulty, check
from impasto.pipelines.records import PipelineRequest

PREPARE = {"kind": "dataset.prepare", "params": {"dataset": "hands"}}
TRAIN = {"kind": "train.style_classifier", "params": {"dataset_version": "$steps.prepare.dataset_version"}}
EVALUATE = {
    "kind": "evaluate.checkpoint",
    "params": {"checkpoint": "$steps.train.checkpoint", "dataset_version": "$steps.prepare.dataset_version"},
}
ANALYSE = {
    "kind": "analyse.artwork",
    "params": {"picture": new_id("art"), "checkpoint": "$steps.train.checkpoint"},
}


def faults(**steps: dict[str, Any]) -> list[tuple[str, str]]:
    """Code and place of each fault."""
    try:
        check(PipelineRequest.model_validate({"name": "n", "steps": steps}), all_kinds())
    except Faulty as wrong:
        return [(fault["type"], ".".join(map(str, fault["loc"][1:]))) for fault in wrong.faults]
    return []


def test_steps_are_put_in_order_by_what_they_take() -> None:
    request = PipelineRequest.model_validate(
        {"name": "n", "steps": {"evaluate": EVALUATE, "train": TRAIN, "prepare": PREPARE}}
    )
    checked = check(request, all_kinds())
    assert [step.name for step in checked] == ["prepare", "train", "evaluate"]
    assert [set(step.needs) for step in checked] == [set(), {"prepare"}, {"train", "prepare"}]


def test_a_measure_is_compared_by_its_value_and_by_what_is_within_it() -> None:
    condition = "evaluate.accuracy > 0.8 and evaluate.accuracy.low > 0.7 and train.final_loss < 1"
    last = {**ANALYSE, "if": condition}
    assert faults(prepare=PREPARE, train=TRAIN, evaluate=EVALUATE, last=last) == []
    within = {**ANALYSE, "if": "evaluate.perturbations.blur.accuracy > 0.5"}
    assert faults(prepare=PREPARE, train=TRAIN, evaluate=EVALUATE, last=within) == []
    drawing = {"kind": "evaluate.text_to_image", "params": {"checkpoint": new_id("ckp")}}
    draw = {"kind": "generate.text_to_image", "params": {"prompts": ["a"]}, "if": "evaluate.kid < 0.05"}
    assert faults(evaluate=drawing, draw=draw) == []


@pytest.mark.parametrize(
    ("step", "place"),
    [
        ({**TRAIN, "params": {"dataset_version": "$steps.prepare.samples"}}, "dataset_version"),
        ({**TRAIN, "params": {"dataset_version": "$steps.prepare.manifest_sha256"}}, "dataset_version"),
        ({**TRAIN, "params": {"dataset_version": "$steps.prepare.nothing"}}, "dataset_version"),
        ({**TRAIN, "params": {"dataset_version": "$steps.prepare"}}, "dataset_version"),
        ({**TRAIN, "params": {"dataset_version": "$steps.prepare.dataset_version", "epochs": "$steps.prepare.dataset"}},
         "epochs"),
        ({**TRAIN, "params": {"dataset_version": "$steps.prepare.dataset_version", "name": "a $steps.prepare.dataset",
                              "exclude_labels": ["x", "$steps.prepare.number"]}}, "exclude_labels.1"),
    ],
)  # fmt: skip
def test_a_reference_that_does_not_fit_is_named(step: dict[str, Any], place: str) -> None:
    assert ("reference_invalid", f"steps.train.params.{place}") in faults(prepare=PREPARE, train=step)


def test_a_value_that_is_not_known_yet_may_be_within_bounds() -> None:
    params = {"dataset_version": "$steps.prepare.dataset_version", "batch_size": "$steps.prepare.train"}
    assert faults(prepare=PREPARE, train={**TRAIN, "params": params}) == []


def test_other_faults_of_params_are_told_beside_references() -> None:
    params = {"dataset_version": "$steps.prepare.dataset_version", "epochs": 0, "colour": "red"}
    assert faults(prepare=PREPARE, train={**TRAIN, "params": params}) == [
        ("greater_than_equal", "steps.train.params.epochs"),
        ("extra_forbidden", "steps.train.params.colour"),
    ]


def test_artifacts_are_taken_as_pictures_from_wherever_they_are() -> None:
    draw = {"kind": "generate.text_to_image", "params": {"prompts": ["a red heart"]}}
    larger = {"kind": "generate.upscale", "params": {"picture": "$steps.draw.pictures.0.artifact"}}
    print_ = {
        "kind": "generate.stylise",
        "params": {"picture": "$steps.larger.artifact", "mix": {"builtin": {"ember": 1.0}}},
    }
    assert faults(draw=draw, larger=larger, print=print_) == []
    wrong = {**larger, "params": {"picture": "$steps.draw.pictures.first.artifact"}}
    assert faults(draw=draw, larger=wrong) == [("reference_invalid", "steps.larger.params.picture")]


def test_a_checkpoint_that_nothing_measures_before_it_is_used_is_told_at_once() -> None:
    unmeasured = ("checkpoint_not_measured", "steps.last.params.checkpoint")
    assert faults(prepare=PREPARE, train=TRAIN, last=ANALYSE) == [unmeasured]
    assert faults(prepare=PREPARE, train=TRAIN, evaluate=EVALUATE, last=ANALYSE) == [unmeasured]
    assert faults(prepare=PREPARE, train=TRAIN, evaluate=EVALUATE, last={**ANALYSE, "after": ["evaluate"]}) == []
    anyway = {**ANALYSE, "params": {**ANALYSE["params"], "allow_unmeasured": True}}  # type: ignore[dict-item]
    assert faults(prepare=PREPARE, train=TRAIN, last=anyway) == []


def test_circles_and_strangers_are_named_with_their_steps() -> None:
    assert faults(a={**PREPARE, "after": ["b"]}, b={**PREPARE, "after": ["c"]}, c={**PREPARE, "after": ["b"]}) == [
        ("steps_cyclic", "steps.b"),
        ("steps_cyclic", "steps.c"),
    ]
    assert faults(a={**PREPARE, "after": ["a"]}) == [("step_unknown", "steps.a.after.0")]
    assert faults(a={**PREPARE, "if": "b.samples > 3"}) == [("step_unknown", "steps.a.if")]
    assert faults(a=PREPARE, b={**PREPARE, "if": "a.dataset > 3"}) == [("condition_invalid", "steps.b.if")]
    assert faults(a=PREPARE, b={"kind": "dataset.prepare", "params": {"$steps.a.dataset": 1}}) == [
        ("reference_invalid", "steps.b.params.$steps.a.dataset"),
        ("missing", "steps.b.params.dataset"),
    ]


@pytest.mark.parametrize("kind", sorted(all_kinds()))
def test_something_of_the_type_of_every_field_of_every_result_can_be_made(kind: str) -> None:
    model = all_kinds()[kind].result
    whole = shapes.stand_in(model)
    for name in model.model_fields:
        made = shapes.stand_in(shapes.field_at(model, (name,)))
        assert made is not None, name
        assert shapes.named(shapes.field_at(model, (name,)))
    assert set(whole) <= set(model.model_fields)
