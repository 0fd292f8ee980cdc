"""Repositories that lie: refused with a name, before anything of theirs could run."""

from __future__ import annotations

import json
import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from impasto_ml.encoders.backbones import Backbone
from impasto_ml.weights import (
    WeightsCorrupt,
    WeightsError,
    WeightsIncompatible,
    WeightsNotFinite,
    WeightsUnsafe,
)
from tests.tiny_backbones import tiny_backbone


class Canary:
    """Makes a folder when it is unpickled."""

    def __init__(self, place: Path) -> None:
        self.place = place

    def __reduce__(self) -> tuple[Callable[[str], None], tuple[str]]:
        return os.mkdir, (str(self.place),)


@pytest.fixture
def canary(tmp_path: Path) -> Path:
    return tmp_path / "canary"


def test_the_canary_sings_when_it_is_unpickled(canary: Path) -> None:
    pickle.loads(pickle.dumps(Canary(canary)))  # what must never happen elsewhere in this file
    assert canary.is_dir()


def refused(backbones: Path, kind: type[WeightsError], sentence: str | None, canary: Path) -> None:
    with pytest.raises(kind, match=sentence):
        Backbone.load(backbones, "resnet")
    assert not canary.exists()


def changed(folder: Path, name: str = "config.json", **fields: Any) -> None:
    told = json.loads((folder / name).read_text())
    (folder / name).write_text(json.dumps(told | fields))


def test_pickled_weights_are_not_read(tmp_path: Path, canary: Path) -> None:
    folder = tiny_backbone(tmp_path, "resnet")
    (folder / "model.safetensors").unlink()
    torch.save({"x": Canary(canary)}, folder / "pytorch_model.bin")
    refused(tmp_path, WeightsUnsafe, "weights in other formats are not read", canary)


@pytest.mark.parametrize("protocol", [0, 2, 5])
def test_a_pickle_by_another_name_is_known_by_its_bytes(protocol: int, tmp_path: Path, canary: Path) -> None:
    folder = tiny_backbone(tmp_path, "resnet")
    (folder / "model.safetensors").write_bytes(pickle.dumps(Canary(canary), protocol))
    with pytest.raises(WeightsError):
        Backbone.load(tmp_path, "resnet")
    assert not canary.exists()


def test_an_archive_of_pickles_by_another_name_is_unsafe(tmp_path: Path, canary: Path) -> None:
    folder = tiny_backbone(tmp_path, "resnet")
    torch.save({"x": Canary(canary)}, folder / "model.safetensors")
    refused(tmp_path, WeightsUnsafe, "not safetensors", canary)


@pytest.mark.parametrize("name", ["config.json", "preprocessor_config.json"])
def test_code_that_comes_with_weights_is_refused(name: str, tmp_path: Path, canary: Path) -> None:
    folder = tiny_backbone(tmp_path, "resnet")
    (folder / "modeling_own.py").write_text(f"import os\nos.mkdir({str(canary)!r})\nclass Own: pass\n")
    changed(folder, name, auto_map={"AutoModel": "modeling_own.Own", "AutoImageProcessor": "modeling_own.Own"})
    refused(tmp_path, WeightsUnsafe, "code of its own", canary)


def test_an_adapter_beside_the_weights_is_not_looked_at(tmp_path: Path, canary: Path) -> None:
    folder = tiny_backbone(tmp_path, "resnet")
    before = Backbone.load(tmp_path, "resnet").identity
    (folder / "adapter_config.json").write_text(json.dumps({"peft_type": "LORA", "auto_mapping": {"x": "y"}}))
    torch.save({"x": Canary(canary)}, folder / "adapter_model.bin")
    assert Backbone.load(tmp_path, "resnet").identity == before
    assert not canary.exists()


@pytest.mark.parametrize(
    "fields",
    [
        {"model_type": "bert"},
        {"model_type": "resnet", "architectures": ["OwnModel"]},
        {"model_type": None, "architecture": "vit_huge"},
        {"num_channels": 4},
        {"hidden_act": "os.system"},
        {"depths": [1, 1, 1, 100_000]},
        {"depths": "many"},
        {"hidden_sizes": [8, 16, 16, 60_000]},
        {"hidden_sizes": [8, 16, 16, 25]},
        {"hidden_sizes": [8, 16]},
        {"embedding_size": -8},
    ],
    ids=str,
)
def test_a_config_that_its_weights_do_not_fit_is_incompatible(
    fields: dict[str, Any], tmp_path: Path, canary: Path
) -> None:
    changed(tiny_backbone(tmp_path, "resnet"), **fields)
    refused(tmp_path, WeightsIncompatible, None, canary)


def test_a_missing_tensor_is_an_error_and_no_random_number_takes_its_place(tmp_path: Path, canary: Path) -> None:
    folder = tiny_backbone(tmp_path, "resnet")
    state = load_file(folder / "model.safetensors")
    del state["resnet.embedder.embedder.convolution.weight"]
    state["classifier.padding"] = torch.zeros(10_000)
    save_file(state, folder / "model.safetensors")
    refused(tmp_path, WeightsIncompatible, "missing", canary)


def test_a_tensor_of_another_shape_is_an_error(tmp_path: Path, canary: Path) -> None:
    folder = tiny_backbone(tmp_path, "resnet")
    state = load_file(folder / "model.safetensors")
    state["resnet.embedder.embedder.convolution.weight"] = torch.zeros(8, 3, 9, 9)
    save_file(state, folder / "model.safetensors")
    refused(tmp_path, WeightsIncompatible, None, canary)


def test_a_number_that_is_none_is_named(tmp_path: Path, canary: Path) -> None:
    folder = tiny_backbone(tmp_path, "resnet")
    state = load_file(folder / "model.safetensors")
    state["resnet.embedder.embedder.convolution.weight"][0, 0, 0, 0] = torch.nan
    save_file(state, folder / "model.safetensors")
    refused(tmp_path, WeightsNotFinite, "convolution", canary)


@pytest.mark.parametrize("left", [0, 4, 500])
def test_a_file_cut_short_is_corrupt(left: int, tmp_path: Path, canary: Path) -> None:
    folder = tiny_backbone(tmp_path, "resnet")
    whole = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(whole[:left] if left < 500 else whole[:-left])
    refused(tmp_path, WeightsCorrupt, None, canary)


@pytest.mark.parametrize(
    "fields",
    [
        {"image_processor_type": "OwnImageProcessor"},
        {"size": {"shortest_edge": 100_000}},
        {"size": {}},
        {"size": None},
        {"image_std": [0, 0, 0]},
        {"image_mean": ["a", "b", "c"]},
        {"image_mean": [0.5]},
        {"rescale_factor": 0},
        {"resample": 17},
        {"crop_pct": -1},
    ],
    ids=str,
)
def test_pictures_that_cannot_be_made_are_refused(fields: dict[str, Any], tmp_path: Path, canary: Path) -> None:
    changed(tiny_backbone(tmp_path, "resnet"), "preprocessor_config.json", **fields)
    refused(tmp_path, WeightsIncompatible, None, canary)


def test_a_repository_that_does_not_say_how_pictures_are_made_is_refused(tmp_path: Path, canary: Path) -> None:
    (tiny_backbone(tmp_path, "resnet") / "preprocessor_config.json").unlink()
    refused(tmp_path, WeightsIncompatible, "nobody knows", canary)


def test_pictures_of_another_size_than_the_network_sees_are_refused(tmp_path: Path) -> None:
    changed(tiny_backbone(tmp_path, "vit"), "preprocessor_config.json", size={"height": 64, "width": 64})
    with pytest.raises(WeightsIncompatible, match="cannot see"):
        Backbone.load(tmp_path, "vit")
