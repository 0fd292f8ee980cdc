"""An adapter is held against the shapes of a pipeline's tensors, with the same verdict as when it is attached."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from impasto_ml.families.diffusers import LAYOUTS, DiffusersTextToImage, check_fits, default_size
from impasto_ml.weights import WeightsIncompatible, check_repository

from . import tiny

Made = Callable[[str], Path]
Loras = Callable[[str, int], Path]


def against(pipeline: Path, adapter: Path) -> None:
    """Raises WeightsIncompatible unless the adapter fits; nothing is loaded."""
    found = check_repository(pipeline, LAYOUTS, numbers=False)
    shapes = {name: {t.name: t.shape for t in files.tensors} for name, files in found.weights.items()}
    denoiser = "transformer" if "transformer" in shapes else "unet"
    config: dict[str, Any] = json.loads((pipeline / denoiser / "config.json").read_text())
    check_fits(adapter, found.index.class_name, config, shapes)


@pytest.mark.parametrize("name", ["sd", "sdxl", "sd3", "flux", "pixart-sigma"])
def test_an_adapter_fits_the_architecture_that_it_was_trained_on(pipelines: Made, loras: Loras, name: str) -> None:
    against(pipelines(name), loras(name, 1))


@pytest.mark.parametrize(
    ("pipeline", "adapter"), [("sdxl", "sd"), ("sd", "sdxl"), ("sdxl", "flux"), ("flux", "sd3"), ("sd", "pixart-sigma")]
)
def test_it_fits_no_other(pipelines: Made, loras: Loras, pipeline: str, adapter: str) -> None:
    with pytest.raises(WeightsIncompatible):
        against(pipelines(pipeline), loras(adapter, 1))


def test_a_layout_that_is_converted_fits_too(pipelines: Made, loras: Loras, tmp_path: Path) -> None:
    converted: dict[str, torch.Tensor] = {}
    for key, matrix in load_file(loras("sdxl", 1) / tiny.LORA).items():
        path, _, which = key.removesuffix(".weight").removeprefix("unet.").rpartition(".lora_")
        name = f"lora_unet_{path.replace('.', '_')}"
        converted[f"{name}.lora_{'down' if which == 'A' else 'up'}.weight"] = matrix
        converted[f"{name}.alpha"] = torch.tensor(4.0)
    save_file(converted, tmp_path / "other.safetensors")
    against(pipelines("sdxl"), tmp_path)


@pytest.mark.parametrize("name", tiny.MAKERS)
def test_the_size_told_from_files_is_that_of_the_loaded_pipeline(
    pipelines: Made, load: Callable[[str], DiffusersTextToImage], name: str
) -> None:
    assert default_size(check_repository(pipelines(name), LAYOUTS, numbers=False)) == load(name).size_px
