"""A checkpoint on disk is whole, readable and the same model again."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from impasto_ml.encoders.backbone_identity import BackboneIdentity, Preprocessing
from impasto_ml.encoders.layout import COLOUR_FEATURES, STYLE, VECTOR_FEATURES
from impasto_ml.families.style_classifier import (
    FLAVORS,
    CheckpointError,
    StyleClassifier,
    StyleClassifierConfig,
    load_checkpoint,
    save_checkpoint,
)
from impasto_ml.families.style_classifier.model import NEIGHBOUR


@pytest.fixture
def model() -> StyleClassifier:
    made = StyleClassifier(StyleClassifierConfig.of("tiny", ("bold", "fine")), bank_size=9)
    generator = torch.Generator().manual_seed(0)
    made.bank.copy_(torch.randn(made.bank.shape, generator=generator))
    made.temperature.fill_(1.7)
    made.threshold.fill_(-0.3)
    return made.eval().requires_grad_(False)


def test_what_is_saved_is_loaded(model: StyleClassifier, tmp_path: Path) -> None:
    save_checkpoint(tmp_path, model, {"seed": 3})
    loaded = load_checkpoint(tmp_path)
    vectors = np.random.default_rng(0).random((600, VECTOR_FEATURES)).astype(np.float16)
    before, after = model.classify(vectors), loaded.classify(vectors)
    assert loaded.config == model.config
    assert np.array_equal(before.probabilities, after.probabilities)
    assert np.array_equal(before.familiarity, after.familiarity)
    assert np.array_equal(before.known, after.known)
    described = json.loads((tmp_path / "config.json").read_text())
    assert (described["family"], described["training"]["seed"]) == ("style_classifier", 3)


def test_saving_twice_writes_the_same_bytes(model: StyleClassifier, tmp_path: Path) -> None:
    first, second = save_checkpoint(tmp_path / "a", model), save_checkpoint(tmp_path / "b", model)
    assert [p.read_bytes() for p in first] == [p.read_bytes() for p in second]


@pytest.mark.parametrize(
    "damage", ["missing tensor", "extra tensor", "older form", "no weights", "cut weights", "other family"]
)
def test_a_checkpoint_that_is_not_whole_is_refused(model: StyleClassifier, tmp_path: Path, damage: str) -> None:
    config, weights = save_checkpoint(tmp_path, model)
    state = load_file(weights)
    if damage == "missing tensor":
        del state["head.0.bias"]
        save_file(state, weights)
    elif damage == "extra tensor":
        save_file(state | {"stranger": torch.ones(1)}, weights)
    elif damage == "older form":
        # Neighbours were once sought in a whitened space of 128 axes.
        save_file(state | {"basis": torch.ones(608, 128), "bank": torch.ones(9, 128)}, weights)
    elif damage == "no weights":
        weights.unlink()
    elif damage == "cut weights":
        weights.write_bytes(weights.read_bytes()[:100])
    else:
        config.write_text(config.read_text().replace("style_classifier", "text_to_image"))
    with pytest.raises(CheckpointError):
        load_checkpoint(tmp_path)


def test_a_checkpoint_from_before_there_were_backbones_is_loaded(model: StyleClassifier, tmp_path: Path) -> None:
    config, _ = save_checkpoint(tmp_path, model)
    described = json.loads(config.read_text())
    assert described["config"].pop("backbone") is None
    config.write_text(json.dumps(described))
    assert load_checkpoint(tmp_path).config == model.config


def backbone() -> BackboneIdentity:
    steps = Preprocessing(224, 224, 256, (0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
    return BackboneIdentity("tiny", "0f" * 32, "resnet", 24, steps)


def test_a_classifier_on_a_backbone_remembers_it_and_takes_its_width(tmp_path: Path) -> None:
    config = StyleClassifierConfig.of("tiny", ("bold", "fine"), backbone())
    save_checkpoint(tmp_path, StyleClassifier(config, bank_size=9))
    loaded = load_checkpoint(tmp_path)
    assert loaded.config.backbone == backbone()
    vectors = np.random.default_rng(0).random((5, 24 + COLOUR_FEATURES)).astype(np.float16)
    assert loaded.classify(vectors).probabilities.shape == (5, 2)
    assert loaded.classify_by_colour(vectors).shape == (5,)
    with pytest.raises(ValueError, match="expected N x 94"):
        loaded.classify(np.zeros((5, VECTOR_FEATURES), np.float16))


@pytest.mark.parametrize(
    "change",
    [{"width": 25}, {"width": 10**9}, {"name": "../tiny"}, {"digest": "0f"}, {"preprocessing": {}}, {"more": 1}],
    ids=str,
)
def test_a_backbone_that_cannot_be_is_refused(change: dict[str, object], tmp_path: Path) -> None:
    model = StyleClassifier(StyleClassifierConfig.of("tiny", ("bold", "fine"), backbone()), bank_size=9)
    config, _ = save_checkpoint(tmp_path, model)
    described = json.loads(config.read_text())
    described["config"]["backbone"] |= change
    config.write_text(json.dumps(described))
    with pytest.raises(CheckpointError):
        load_checkpoint(tmp_path)


def test_a_picture_in_the_bank_is_more_familiar_than_one_far_from_it(model: StyleClassifier) -> None:
    vectors = np.random.default_rng(1).normal(0, 2, (40, VECTOR_FEATURES)).astype(np.float16)
    standardised = torch.from_numpy(vectors[:, STYLE].astype(np.float32)).clamp(-6, 6)
    hidden = model.hidden(standardised)
    assert torch.allclose(hidden.norm(dim=1), torch.ones(40))
    model.bank = hidden[:9].repeat(NEIGHBOUR, 1).half()
    near = model.evidence(standardised)[:, 1]
    assert near[:9].min() > near[9:].max()
    # A picture five times in the bank is as near as half precision tells apart.
    assert near[:9].exp().min().item() == pytest.approx(1000, rel=0.2)


def test_no_pictures_get_no_answer(model: StyleClassifier) -> None:
    answer = model.classify(np.empty((0, VECTOR_FEATURES), np.float16))
    assert (answer.probabilities.shape, answer.known.shape) == ((0, 2), (0,))


def test_features_of_another_width_are_refused(model: StyleClassifier) -> None:
    with pytest.raises(ValueError, match="1958"):
        model.classify(np.zeros((2, 1280), np.float16))


def test_flavors_grow_on_purpose_and_a_classifier_needs_two_styles() -> None:
    assert set(FLAVORS) == {"tiny", "base"}
    with pytest.raises(ValueError, match="flavor"):
        StyleClassifierConfig.of("large", ("a", "b"))
    with pytest.raises(ValueError, match="two different"):
        StyleClassifierConfig.of("tiny", ("a", "a"))
