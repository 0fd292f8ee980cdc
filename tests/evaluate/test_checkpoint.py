"""`evaluate.checkpoint` on the whole platform: what is measured, beside what, and what it changes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from impasto.errors import JobFailed
from impasto.kinds.dataset_prepare import SplitRecipe
from impasto.kinds.evaluate_checkpoint import EvaluateCheckpoint
from impasto.testing.stacks import Stack
from impasto_evaluate.checkpoint.compute import _finite, evaluate
from impasto_ml.data.split import split_of
from tests.asking import ask
from tests.hands import SUBJECTS, School, prepared, school


@pytest.fixture
def here(platform: Stack, tmp_path: Path) -> School:
    return school(platform, tmp_path)


def test_only_held_back_samples_of_learnt_labels_count(here: School) -> None:
    measured = here.measured
    known = here.dataset.validation * 2 // 3
    assert measured.samples == measured.accuracy.count == known
    assert measured.classes == ["boxes", "dots"]
    assert sum(map(sum, measured.confusion)) == known
    assert measured.accuracy.low <= measured.accuracy.value <= measured.accuracy.high
    assert measured.accuracy.value > measured.majority_baseline.value == 0.5


def test_the_label_left_out_is_what_unknown_is_measured_on(here: School) -> None:
    assert here.measured.unknown_auroc is not None
    assert here.measured.unknown_auroc.count == here.dataset.validation


def test_every_declared_perturbation_has_a_figure(here: School) -> None:
    assert set(here.measured.perturbations) == {
        "none", "jpeg_q50", "blur", "brightness", "rotate_10", "crop_90", "greyscale", "noise"
    }  # fmt: skip
    assert here.measured.perturbations["none"].accuracy.value == here.measured.accuracy.value


def test_from_then_on_the_checkpoint_counts_as_measured(here: School) -> None:
    measured = here.measured
    checkpoint = ask(here.stack, "GET", f"/v1/checkpoints/{here.learnt.checkpoint}").json()
    assert checkpoint["measured"] is True
    told = checkpoint["evaluations"][0]
    assert told["id"] == measured.evaluation
    assert told["measures"]["accuracy"]["value"] == measured.accuracy.value


def test_the_report_is_an_artifact_that_says_more_than_the_result(here: School) -> None:
    report = ask(here.stack, "GET", f"/v1/artifacts/{here.measured.report_sha256}").json()
    assert report["checkpoint"] == here.learnt.checkpoint
    assert report["result"]["macro_f1"] == here.measured.macro_f1.model_dump()
    assert "compared_accuracy" in report["details"]


def test_lineage_leads_from_checkpoint_and_dataset_to_the_evaluation(here: School) -> None:
    edges = here.stack.sql("SELECT source FROM lineage_edges WHERE target = %s", [here.measured.evaluation])
    assert {source for (source,) in edges} == {here.learnt.checkpoint, here.dataset.dataset_version}


def test_a_half_without_samples_of_its_labels_is_refused(here: School) -> None:
    hatched = [work for (_, hand), work in here.works.items() if hand == "hatching"]
    strange = here.stack.client().run(prepared("hatched", select={"ids": hatched}))
    params = EvaluateCheckpoint(checkpoint=here.learnt.checkpoint, dataset_version=strange.dataset_version)
    with pytest.raises(JobFailed) as failure:
        here.stack.client().run(params)
    assert failure.value.code == "dataset_too_small"
    assert failure.value.data["actual"] == 0


def test_works_that_were_learnt_from_are_left_out_of_another_versions_half(here: School) -> None:
    """Held back under another seed is not held back from this checkpoint."""
    other = here.stack.client().run(prepared("otherwise", split={"validation_fraction": 0.6, "seed": 5}))
    result = here.stack.client().run(
        EvaluateCheckpoint(
            checkpoint=here.learnt.checkpoint,
            dataset_version=other.dataset_version,
            perturbation_seeds=1,
            max_perturbed_samples=50,
        )
    )
    half = [SplitRecipe(validation_fraction=0.35), SplitRecipe(validation_fraction=0.6, seed=5)]
    sides = [[split_of(f"scene {s}", r.seed, r.validation_fraction) for s in range(SUBJECTS)] for r in half]
    both = sum(pair == ("validation", "validation") for pair in zip(*sides, strict=True))
    assert result.samples == both * 2
    report = ask(here.stack, "GET", f"/v1/artifacts/{result.report_sha256}").json()
    assert report["details"]["left_out_because_learnt_from"] == (sides[1].count("validation") - both) * 2 > 0


def test_a_checkpoint_of_another_family_is_named_so(here: School) -> None:
    other = here.stack.sql(
        """INSERT INTO checkpoints (id, tenant_id, name, family, flavor, weights_sha256, config, job_id)
           SELECT 'ckp_' || repeat('0', 26), tenant_id, 'x', 'text_to_image', 'x', weights_sha256, '{}', job_id
           FROM checkpoints WHERE id = %s RETURNING id""",
        [here.learnt.checkpoint],
    )[0][0]
    with pytest.raises(JobFailed) as failure:
        here.stack.client().run(EvaluateCheckpoint(checkpoint=other, dataset_version=here.dataset.dataset_version))
    assert failure.value.code == "model_incompatible"


def test_a_damaged_checkpoint_is_named_so(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"family": "style_classifier", "format": 1}))
    (tmp_path / "model.safetensors").write_bytes(b"not weights")
    with pytest.raises(JobFailed) as failure:
        evaluate({"checkpoint": str(tmp_path), "models": str(tmp_path)}, lambda *_, **__: None)
    assert failure.value.code == "model_corrupt"


def test_a_report_is_json_even_where_nothing_can_be_measured() -> None:
    assert _finite({"a": [float("nan"), 1.0], "b": (float("inf"),)}) == {"a": [None, 1.0], "b": [None]}
