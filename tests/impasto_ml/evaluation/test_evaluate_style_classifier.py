"""The evaluation of a style classifier, end to end: drawn pictures, the real encoder, shards, training, report."""

import io
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from PIL import Image

from impasto_ml.data import Sample, read_shards, write_shards
from impasto_ml.encoders.picture import PictureEncoder
from impasto_ml.evaluation.style_classifier import StyleEvaluation, evaluate
from impasto_ml.families.style_classifier import StyleClassifier
from impasto_ml.training.feature_table import collect
from impasto_ml.training.style_classifier import TrainingOptions, train

from .style_drawings import HANDS, drawn


@pytest.fixture(scope="module")
def encoder(models_folder: Path) -> PictureEncoder:
    torch.set_num_threads(1)
    return PictureEncoder.load(models_folder)


def _samples(encoder: PictureEncoder, subjects: range) -> Iterator[Sample]:
    for subject in subjects:
        for hand in sorted(HANDS):
            picture = drawn(subject, hand)
            features = encoder.encode([Image.open(io.BytesIO(picture))], tags=1).vectors()[0]
            record = {"style": hand, "subject": f"{subject:03d}"}
            yield Sample(f"{subject:03d}_{hand}", picture, "png", record, features)


@pytest.fixture(scope="module")
def held_out(encoder: PictureEncoder, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("held-out")
    return [summary.path for summary in write_shards(_samples(encoder, range(100, 112)), folder, 20)]


@pytest.fixture(scope="module")
def learnt(encoder: PictureEncoder) -> list[Sample]:
    return list(_samples(encoder, range(60)))


@pytest.fixture(scope="module")
def classifier(learnt: list[Sample], tmp_path_factory: pytest.TempPathFactory) -> StyleClassifier:
    table = collect(learnt, tmp_path_factory.mktemp("scratch"))
    trained = [*train(table, TrainingOptions(flavor="tiny", steps=80))][-1].classifier
    assert trained is not None
    return trained


@pytest.fixture(scope="module")
def report(classifier: StyleClassifier, encoder: PictureEncoder, held_out: list[Path]) -> StyleEvaluation:
    return evaluate(classifier, read_shards(held_out), encoder, seeds=2, perturbed=6)


def test_figures_come_with_counts_intervals_and_baselines(report: StyleEvaluation) -> None:
    assert (report.pictures, report.subjects) == (36, 12)
    assert report.accuracy.low <= report.accuracy.value <= report.accuracy.high
    assert report.accuracy.value > 0.9
    assert report.majority.value == pytest.approx(1 / 3)
    assert report.colour_only.value < report.accuracy.value
    assert report.compared_accuracy is not None
    assert report.compared_accuracy.count == 36
    assert sum(map(sum, report.confusion)) == 36


def test_every_perturbation_has_a_row_beside_the_unchanged_pictures(report: StyleEvaluation) -> None:
    rows = {row.name: row for row in report.perturbations}
    assert next(iter(rows)) == "none"
    assert len(rows) == 8
    assert {row.accuracy.count for row in rows.values()} == {6}
    assert len(rows["noise"].by_seed) == 2
    assert len(rows["greyscale"].by_seed) == 1
    assert rows["greyscale"].spread == 0


def test_the_report_is_json(report: StyleEvaluation) -> None:
    assert json.loads(json.dumps(report.record()))["accuracy"]["count"] == 36


def test_the_order_of_samples_does_not_matter(
    classifier: StyleClassifier, encoder: PictureEncoder, held_out: list[Path], report: StyleEvaluation
) -> None:
    backwards = reversed(list(read_shards(held_out)))
    again = evaluate(classifier, backwards, encoder, seeds=2, perturbed=6)
    assert [row.by_seed for row in again.perturbations] == [row.by_seed for row in report.perturbations]
    assert again.accuracy.value == report.accuracy.value


def test_hands_never_learnt_are_measured_apart(learnt: list[Sample], held_out: list[Path], tmp_path: Path) -> None:
    known = [s for s in learnt if s.record["style"] != "fine"]
    classifier = [*train(collect(known, tmp_path), TrainingOptions(flavor="tiny", steps=80))][-1].classifier
    assert classifier is not None
    samples = list(read_shards(held_out, pictures=False))
    seen = [s for s in samples if s.record["style"] != "fine"]
    strange = [s for s in samples if s.record["style"] == "fine"]
    result = evaluate(classifier, seen, unseen=strange)
    assert result.unknown is not None
    assert result.unknown.auroc.value > 0.75
    assert result.unknown.unseen_count == 12
    assert result.perturbations == ()


def test_what_cannot_be_evaluated_is_refused(classifier: StyleClassifier, held_out: list[Path]) -> None:
    sample = next(read_shards(held_out))
    with pytest.raises(ValueError, match="nothing to evaluate"):
        evaluate(classifier, [])
    with pytest.raises(ValueError, match="features"):
        evaluate(classifier, [replace(sample, features=None)])
    with pytest.raises(ValueError, match="cubist"):
        evaluate(classifier, [replace(sample, record={"style": "cubist"})])
