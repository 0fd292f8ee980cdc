"""Pretrained backbones: every architecture is loaded whole, sees pictures as its repository says, and pools them."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from PIL import Image

from impasto_ml.encoders.backbone_architectures import ARCHITECTURES
from impasto_ml.encoders.backbone_identity import BackboneIdentity
from impasto_ml.encoders.backbone_networks import LibraryMissing
from impasto_ml.encoders.backbone_preprocessing import made_pixels, preprocessing_of, timm_preprocessing_of
from impasto_ml.encoders.backbone_repository import BackboneMissing, read_repository
from impasto_ml.encoders.backbones import Backbone
from tests.hands import draw
from tests.tiny_backbones import SIDE_PX, TINY, processor_config, tiny_backbone


def pictures(count: int, size: tuple[int, int] = (SIDE_PX, SIDE_PX)) -> list[Image.Image]:
    return [draw(subject, "dots", size) for subject in range(count)]


def test_every_architecture_that_is_allowed_is_tried_here() -> None:
    assert set(TINY) == set(ARCHITECTURES)


@pytest.mark.parametrize("model_type", TINY)
def test_a_repository_gives_the_features_that_its_library_gives(model_type: str, tmp_path: Path) -> None:
    folder = tiny_backbone(tmp_path, model_type)
    backbone = Backbone.load(tmp_path, model_type)
    features = backbone.encode(pictures(5), batch_size=2)
    assert features.pooled.shape == (5, TINY[model_type][3])
    assert backbone.identity.width == TINY[model_type][3]
    library: Any = transformers.AutoModel.from_pretrained(folder).eval()
    with torch.inference_mode():
        output = library(torch.from_numpy(made_pixels(pictures(5), backbone.identity.preprocessing)))
    wanted = output.last_hidden_state[:, 0] if model_type == "vit" else output.pooler_output.flatten(1)
    np.testing.assert_allclose(features.pooled, wanted.numpy(), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    "processor", ["ViTImageProcessor", "ConvNextImageProcessor", "BitImageProcessor", "EfficientNetImageProcessor"]
)
def test_pictures_are_made_as_the_librarys_processor_makes_them(processor: str) -> None:
    from transformers.models.bit.image_processing_pil_bit import BitImageProcessorPil
    from transformers.models.convnext.image_processing_pil_convnext import ConvNextImageProcessorPil
    from transformers.models.efficientnet.image_processing_pil_efficientnet import EfficientNetImageProcessorPil
    from transformers.models.vit.image_processing_pil_vit import ViTImageProcessorPil

    made = {
        "ViTImageProcessor": ViTImageProcessorPil,
        "ConvNextImageProcessor": ConvNextImageProcessorPil,
        "BitImageProcessor": BitImageProcessorPil,
        "EfficientNetImageProcessor": EfficientNetImageProcessorPil,
    }[processor]
    told = processor_config(processor)
    seen = pictures(2, (200, 200))
    wanted = made(**{k: v for k, v in told.items() if k != "image_processor_type"})(seen, return_tensors="np")
    ours = made_pixels(seen, preprocessing_of(told))
    # Cutting and resizing at once moves an edge by less than a pixel; a wrong line per channel would be off everywhere.
    assert ours.shape == wanted["pixel_values"].shape
    spread = float(wanted["pixel_values"].std())
    assert np.abs(ours - wanted["pixel_values"]).mean() < 0.02 * spread


def test_what_is_transparent_lies_on_white(tmp_path: Path) -> None:
    tiny_backbone(tmp_path, "vit")
    backbone = Backbone.load(tmp_path, "vit")
    clear, white = Image.new("RGBA", (40, 30), (255, 0, 0, 0)), Image.new("RGB", (40, 30), "white")
    seen, expected = (made_pixels([one], backbone.identity.preprocessing) for one in (clear, white))
    assert np.array_equal(seen, expected)
    assert np.array_equal(backbone.encode([clear]).vectors(), backbone.encode([white]).vectors())


def test_timms_words_for_the_same_steps_are_understood() -> None:
    told = {"input_size": [3, 224, 224], "crop_pct": 0.875, "interpolation": "bicubic"}
    steps = timm_preprocessing_of(told | {"mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225]})
    assert (steps.height, steps.width, steps.shorter_side) == (224, 224, 256)


def test_what_is_in_the_batch_changes_nothing(tmp_path: Path) -> None:
    tiny_backbone(tmp_path, "vit")
    backbone = Backbone.load(tmp_path, "vit")
    seen = pictures(7)
    np.testing.assert_allclose(
        backbone.encode(seen, batch_size=3).pooled, backbone.encode(seen, batch_size=7).pooled, atol=1e-5
    )
    assert backbone.encode([]).vectors().shape == (0, 32 + 70)


def test_a_long_strip_is_cut_without_being_blown_up(tmp_path: Path) -> None:
    tiny_backbone(tmp_path, "dinov2")
    features = Backbone.load(tmp_path, "dinov2").encode([Image.new("RGB", (20_000, 4), "red")])
    assert np.isfinite(features.vectors()).all()


def test_the_digest_is_of_what_counts_and_of_nothing_else(tmp_path: Path) -> None:
    one, same, other = (tiny_backbone(tmp_path, "vit", name, seed) for name, seed in (("a", 0), ("b", 0), ("c", 1)))
    assert read_repository(one).digest == read_repository(same).digest != read_repository(other).digest
    (same / "README.md").write_text("a card")
    assert read_repository(same).digest == read_repository(one).digest
    (same / "preprocessor_config.json").write_text(
        (same / "preprocessor_config.json").read_text().replace("0.485", "0.5")
    )
    assert read_repository(same).digest != read_repository(one).digest


def test_an_identity_survives_json(tmp_path: Path) -> None:
    tiny_backbone(tmp_path, "swin")
    identity = Backbone.load(tmp_path, "swin").identity
    assert BackboneIdentity.from_json(asdict(identity)) == identity
    with pytest.raises(ValueError, match="not the name"):
        BackboneIdentity.from_json(asdict(identity) | {"name": "../swin"})


@pytest.mark.parametrize("name", ["absent", "..", ".", "a/b", "", ".hidden", "x" * 81])
def test_what_is_no_folder_of_a_backbone_is_missing(name: str, tmp_path: Path) -> None:
    with pytest.raises(BackboneMissing):
        Backbone.load(tmp_path, name)


def test_a_timm_network_needs_libraries_that_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither is a dependency of Impasto's; the repository itself is checked all the same."""
    monkeypatch.setitem(sys.modules, "timm", None)  # as where it is not installed
    from safetensors.torch import save_file

    folder = tmp_path / "dense"
    folder.mkdir()
    told = {"input_size": [3, 64, 64], "crop_pct": 0.9, "interpolation": "bicubic", "mean": [0.5] * 3, "std": [0.5] * 3}
    (folder / "config.json").write_text(json.dumps({"architecture": "densenet121.ra_in1k", "pretrained_cfg": told}))
    save_file({"features.conv0.weight": torch.zeros(64, 3, 7, 7)}, folder / "model.safetensors")
    assert read_repository(folder).architecture == "timm"
    with pytest.raises(LibraryMissing, match="timm and torchvision"):
        Backbone.load(tmp_path, "dense")
