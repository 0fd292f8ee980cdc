"""What follows from what has happened, as a function of what is there."""

from __future__ import annotations

from typing import Any

from impasto.identifiers import new_id
from impasto.kinds import all_kinds
from impasto.pipelines.planning import Plan, StepNow, plan
from impasto.pipelines.records import StepState

VERSION, CHECKPOINT = new_id("dsv"), new_id("ckp")
MEASURE = {"value": 0.9, "low": 0.8, "high": 0.95, "count": 40}


def step(name: str, kind: str, params: dict[str, Any], state: str = "waiting", **more: Any) -> StepNow:
    return StepNow(name, kind, params, more.get("condition"), tuple(more.get("needs", ())), 0, StepState(state),
                   more.get("result"))  # fmt: skip


def planned(*steps: StepNow, canceled: bool = False) -> Plan:
    return plan(steps, all_kinds(), canceled=canceled)


def prepared(state: str = "succeeded", **result: Any) -> StepNow:
    return step("prepare", "dataset.prepare", {"dataset": "d"}, state, result={"dataset_version": VERSION} | result)


def train(**params: Any) -> StepNow:
    given = {"dataset_version": "$steps.prepare.dataset_version"} | params
    return step("train", "train.style_classifier", given, needs=["prepare"])


def test_params_are_filled_in_with_what_was_given_and_with_defaults() -> None:
    made = planned(prepared(), train())
    assert [(begin.step.name, begin.params["dataset_version"], begin.params["epochs"]) for begin in made.begins] == [
        ("train", VERSION, 60)
    ]
    assert made.final is None


def test_nothing_follows_while_what_is_needed_runs_or_a_second_time() -> None:
    for before in ("queued", "running", "waiting"):
        made = planned(prepared(before), train())
        assert [begin.step.name for begin in made.begins] == (["prepare"] if before == "waiting" else [])
    running = step("train", "train.style_classifier", {}, "running", needs=["prepare"])
    assert planned(prepared(), running) == Plan()


def test_a_value_that_does_not_fit_after_all_fails_its_step_and_what_needs_it_is_skipped() -> None:
    last = step("last", "dataset.prepare", {"dataset": "e"}, needs=["train"])
    made = planned(prepared(train=5000), train(batch_size="$steps.prepare.train"), last)
    assert [(end.step.name, end.state, end.reason["code"]) for end in made.ends] == [
        ("train", "failed", "value_invalid"),
        ("last", "skipped", "needs_failed"),
    ]
    assert made.ends[0].reason["field"] == "params.batch_size"
    assert made.final == "failed"


def test_a_field_that_the_result_does_not_have_is_told_as_such() -> None:
    made = planned(prepared(dataset_version=None), train())
    assert made.ends[0].reason["field"] == "params.dataset_version"


def test_a_measure_counts_by_its_value_and_one_that_was_not_taken_by_nothing() -> None:
    measured = step("evaluate", "evaluate.checkpoint", {}, "succeeded", result={"accuracy": MEASURE, "ece": None})
    for condition, runs in (
        ("evaluate.accuracy > 0.85", True),
        ("evaluate.accuracy.low > 0.85", False),
        ("evaluate.ece < 1", False),
        ("evaluate.ece >= 1 or evaluate.accuracy < 1", True),
    ):
        use = step("use", "dataset.prepare", {"dataset": "e"}, condition=condition, needs=["evaluate"])
        made = planned(measured, use)
        assert bool(made.begins) is runs, condition
        assert made.final == (None if runs else "succeeded")


def test_an_artifact_is_given_as_the_identifier_that_params_take() -> None:
    artifact = {"sha256": "ab" * 32, "media_type": "image/png", "size_bytes": 9}
    drawn = step("draw", "generate.text_to_image", {}, "succeeded", result={"pictures": [{"artifact": artifact}]})
    larger = step("l", "generate.upscale", {"picture": "$steps.draw.pictures.0.artifact"}, needs=["draw"])
    assert planned(drawn, larger).begins[0].params["picture"] == "sha256:" + "ab" * 32
    beyond = step("l", "generate.upscale", {"picture": "$steps.draw.pictures.7.artifact"}, needs=["draw"])
    assert planned(drawn, beyond).ends[0].reason["code"] == "value_invalid"


def test_a_cancel_ends_what_waits_and_lets_nothing_begin() -> None:
    made = planned(prepared("running"), train(), canceled=True)
    assert ([end.state for end in made.ends], made.begins, made.final) == (["canceled"], [], None)
    assert planned(prepared(), train(), canceled=True).final == "canceled"
    assert planned(prepared(), canceled=True).final == "succeeded"
    assert planned(prepared("failed"), canceled=True).final == "failed"
