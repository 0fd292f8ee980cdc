"""A style classifier on a pretrained backbone, from training to analysis, and what happens where it is missing."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import pytest

from impasto.errors import JobFailed
from impasto.kinds.analyse_artwork import AnalyseArtwork
from impasto.kinds.evaluate_checkpoint import EvaluateCheckpoint
from impasto.kinds.train_style_classifier import TrainedStyleClassifier, TrainStyleClassifier
from impasto.testing.stacks import Stack
from impasto_ml.encoders.backbones import Backbone
from impasto_worker.backbone_computing import load_backbone, same_backbone
from tests.asking import ask
from tests.hands import School, school
from tests.tiny_backbones import tiny_backbone


@pytest.fixture
def here(platform: Stack, tmp_path: Path) -> School:
    return school(platform, tmp_path)


def backbones_of(here: School) -> Path:
    return here.stack.settings.backbones_folder


def trained(here: School, backbone: str, **changes: object) -> TrainedStyleClassifier:
    params = {"dataset_version": here.dataset.dataset_version, "exclude_labels": ["hatching"], "flavor": "tiny"}
    made: TrainedStyleClassifier = here.stack.client().run(
        TrainStyleClassifier.model_validate(
            params | {"backbone": backbone, "epochs": 60, "learning_rate": 5e-3} | changes
        )
    )
    return made


def measuring(here: School, checkpoint: str) -> EvaluateCheckpoint:
    return EvaluateCheckpoint(
        checkpoint=checkpoint,
        dataset_version=here.dataset.dataset_version,
        perturbation_seeds=1,
        max_perturbed_samples=50,
    )


def test_a_backbone_goes_the_whole_way_from_training_to_analysis(here: School) -> None:
    folder = tiny_backbone(backbones_of(here), "resnet", "whole-way")
    identity = Backbone.load(backbones_of(here), "whole-way").identity
    node = f"pretrained:whole-way@{identity.digest[:12]}"
    client = here.stack.client()

    learnt = trained(here, "whole-way")
    assert learnt.classes == ["boxes", "dots"]
    checkpoint = ask(here.stack, "GET", f"/v1/checkpoints/{learnt.checkpoint}").json()
    remembered = checkpoint["config"]["config"]["backbone"]
    assert (remembered["name"], remembered["digest"]) == ("whole-way", identity.digest)
    assert (remembered["width"], remembered["architecture"]) == (24, "resnet")
    assert remembered["preprocessing"]["mean"] == pytest.approx([0.485, 0.456, 0.406])
    into = {edge.source for edge in client.lineage(learnt.checkpoint).edges if edge.target == learnt.checkpoint}
    assert into == {here.dataset.dataset_version, node}

    measured = client.run(measuring(here, learnt.checkpoint))
    assert measured.samples == measured.accuracy.count == here.dataset.validation * 2 // 3
    assert measured.perturbations["none"].accuracy.value == measured.accuracy.value
    assert measured.unknown_auroc is not None

    seen = client.run(AnalyseArtwork(picture=here.works[1, "dots"], checkpoint=learnt.checkpoint))
    assert seen.style is not None
    assert set(seen.style.confidence) == {"boxes", "dots"}
    assert sum(seen.style.confidence.values()) == pytest.approx(1, abs=1e-4)
    assert len(seen.neighbours) == 5
    sources = here.stack.sql("SELECT source FROM lineage_edges WHERE target = %s", [f"sha256:{seen.sheet.sha256}"])
    assert (node,) in sources

    shutil.rmtree(folder)
    with pytest.raises(JobFailed) as failure:
        client.run(measuring(here, learnt.checkpoint))
    assert (failure.value.code, failure.value.data["package"]) == ("pretrained_missing", "whole-way")
    with pytest.raises(JobFailed) as failure:
        client.run(AnalyseArtwork(picture=here.works[1, "dots"], checkpoint=learnt.checkpoint))
    assert failure.value.code == "pretrained_missing"


def test_varied_views_are_seen_by_the_backbone_too(here: School) -> None:
    tiny_backbone(backbones_of(here), "vit", "varied")
    learnt = trained(here, "varied", views=1, epochs=2)
    checkpoint = ask(here.stack, "GET", f"/v1/checkpoints/{learnt.checkpoint}").json()
    assert checkpoint["config"]["training"]["views"] == 1
    assert checkpoint["config"]["config"]["backbone"]["width"] == 32


def test_a_backbone_that_is_not_on_the_worker_is_named(here: School) -> None:
    with pytest.raises(JobFailed) as failure:
        trained(here, "nowhere")
    assert failure.value.code == "pretrained_missing"
    assert failure.value.data["package"] == "nowhere"


@pytest.mark.parametrize("name", ["../models", "a/b", ".", "..", "hub:owner/name", "", "x" * 81])
def test_a_backbone_is_a_name_and_never_a_path(name: str, here: School) -> None:
    answer = ask(
        here.stack,
        "POST",
        "/v1/jobs",
        json={
            "kind": "train.style_classifier",
            "params": {"dataset_version": here.dataset.dataset_version, "backbone": name},
        },
    )
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "params.backbone"


def test_a_repository_that_asks_for_code_ends_the_training_and_nothing_of_it_runs(here: School, tmp_path: Path) -> None:
    canary = tmp_path / "canary"
    folder = tiny_backbone(backbones_of(here), "resnet", "hostile")
    told = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(told | {"auto_map": {"AutoModel": "own.Own"}}))
    (folder / "own.py").write_text(f"import os\nos.mkdir({str(canary)!r})\nclass Own: pass\n")
    with pytest.raises(JobFailed) as failure:
        trained(here, "hostile")
    assert failure.value.code == "model_format_unsafe"
    assert not canary.exists()


def test_every_refusal_of_a_repository_has_a_code_of_the_table(tmp_path: Path) -> None:
    folder = tiny_backbone(tmp_path, "resnet")
    (folder / "model.safetensors").write_bytes(b"short")
    with pytest.raises(JobFailed) as failure:
        load_backbone(tmp_path, "resnet")
    assert failure.value.code == "model_corrupt"
    assert str(tmp_path) not in str(failure.value.as_record())


def test_another_repository_under_the_same_name_is_not_the_same_backbone(tmp_path: Path) -> None:
    tiny_backbone(tmp_path, "vit")
    wanted = load_backbone(tmp_path, "vit").identity
    assert same_backbone(tmp_path, wanted).identity == wanted
    same_backbone.cache_clear()
    tiny_backbone(tmp_path, "vit", seed=3)
    with pytest.raises(JobFailed) as failure:
        same_backbone(tmp_path, wanted)
    assert failure.value.data["actual"] != wanted.digest


def test_a_library_that_the_worker_lacks_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tiny_backbone(tmp_path, "vit")
    monkeypatch.setitem(sys.modules, "transformers", None)  # as where the extra is not installed
    with pytest.raises(JobFailed) as failure:
        load_backbone(tmp_path, "vit")
    assert failure.value.code == "library_missing"
    assert "transformers" in failure.value.message
