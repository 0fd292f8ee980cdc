"""LoRA adapters change pictures exactly as the library would, come and go between steps, and leave nothing behind."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file

from impasto_ml.families.diffusers import DiffusersTextToImage
from impasto_ml.families.diffusers.adapters import AttachedAdapters
from impasto_ml.families.text_to_image import DrawingRequest
from impasto_ml.weights import WeightsError

from . import tiny
from .conftest import drawn

Load = Callable[[str], DiffusersTextToImage]
Loras = Callable[[str, int], Path]


@pytest.mark.parametrize("name", list(tiny.MAKERS))
def test_an_adapter_changes_the_picture_and_without_it_the_first_one_is_back(
    load: Load, loras: Loras, request_px: DrawingRequest, name: str
) -> None:
    model = load(name)
    one, two = loras(name, 1), loras(name, 2)
    mixes: list[tuple[tuple[Path, float], ...]] = [
        (), ((one, 1.0),), ((two, 1.0),), ((one, 0.3),), ((one, 1.0), (two, 0.5))
    ]  # fmt: skip
    pictures = [drawn(model, replace(request_px, adapters=mix)) for mix in mixes]
    assert len(set(pictures)) == len(mixes)
    assert [drawn(model, replace(request_px, adapters=mix)) for mix in mixes] == pictures


@pytest.mark.parametrize("name", ["sd", "sdxl", "sd3", "flux"])
def test_it_has_the_same_effect_as_the_library_gives_it(
    load: Load, loras: Loras, request_px: DrawingRequest, name: str
) -> None:
    ours = drawn(load(name), replace(request_px, adapters=((loras(name, 1), 1.0),)))
    pipeline = load(name).loaded.pipeline()
    pipeline.set_progress_bar_config(disable=True)
    pipeline.load_lora_weights(loras(name, 1), weight_name=tiny.LORA)
    picture: Image.Image = pipeline(
        prompt=request_px.prompt,
        num_inference_steps=3,
        width=16,
        height=16,
        guidance_scale=request_px.guidance,
        generator=torch.Generator().manual_seed(request_px.seed),
    ).images[0]
    assert picture.tobytes() == ours


def test_drawings_with_different_adapters_take_turns(load: Load, loras: Loras, request_px: DrawingRequest) -> None:
    model = load("sd")
    requests = [replace(request_px, adapters=mix) for mix in ((), ((loras("sd", 1), 1.0),), ((loras("sd", 2), 1.0),))]
    alone = [drawn(model, request) for request in requests]
    drawings = [model.begin(request) for request in requests]
    while not drawings[0].done:
        model.denoise_step(drawings)
    assert [model.finish(drawing).tobytes() for drawing in drawings] == alone


def test_the_least_recently_used_adapter_leaves_first(load: Load, loras: Loras, request_px: DrawingRequest) -> None:
    model = load("sd")
    adapters = AttachedAdapters(model.loaded, most=2)
    one, two, three = (loras("sd", seed) for seed in (1, 2, 3))
    for folder in (one, two, one, three):
        adapters.activate(((folder, 1.0),))
    assert adapters.attached == (one, three)
    unet = model.loaded.components["unet"]
    assert set(unet.peft_config) == {"adapter_1", "adapter_3"}
    assert not any("adapter_2" in key for key in unet.state_dict())
    adapters.activate(tuple((folder, 1.0) for folder in (one, two, three)))
    assert len(adapters.attached) == 3


def test_layers_of_the_text_encoder_count_under_the_names_of_older_files(
    load: Load, request_px: DrawingRequest, tmp_path: Path
) -> None:
    layer = "text_encoder.text_model.encoder.layers.0.self_attn.q_proj"
    generator = torch.Generator().manual_seed(0)
    matrices = {
        f"{layer}.lora_linear_layer.down.weight": torch.randn(2, 8, generator=generator),
        f"{layer}.lora_linear_layer.up.weight": torch.randn(8, 2, generator=generator) * 20,
    }
    save_file(matrices, tmp_path / tiny.LORA)
    model = load("sd")
    base, changed = (drawn(model, replace(request_px, adapters=mix)) for mix in ((), ((tmp_path, 1.0),)))
    assert base != changed
    assert drawn(model, request_px) == base


@pytest.mark.parametrize("name", ["sd", "sdxl"])
def test_the_names_of_another_trainer_are_understood(
    load: Load, loras: Loras, request_px: DrawingRequest, tmp_path: Path, name: str
) -> None:
    endings = {".lora_A.weight": ".lora_down.weight", ".lora_B.weight": ".lora_up.weight"}
    theirs: dict[str, torch.Tensor] = {}
    for key, value in load_file(loras(name, 1) / tiny.LORA).items():
        layer, ending = next((key.removesuffix(e), e) for e in endings if key.endswith(e))
        layer = "lora_" + layer.replace(".", "_")
        theirs |= {layer + endings[ending]: value, layer + ".alpha": torch.tensor(4.0)}
    save_file(theirs, tmp_path / "trained.safetensors")
    model = load(name)
    ours, same = (drawn(model, replace(request_px, adapters=((folder, 1.0),))) for folder in (loras(name, 1), tmp_path))
    assert ours == same


def test_alpha_of_the_trainer_counts(load: Load, request_px: DrawingRequest, tmp_path: Path) -> None:
    weak = tiny.make_lora("sd", tmp_path / "weak", alpha=2.0)
    strong = tiny.make_lora("sd", tmp_path / "strong", alpha=4.0)
    model = load("sd")
    assert drawn(model, replace(request_px, adapters=((weak, 2.0),))) == drawn(
        model, replace(request_px, adapters=((strong, 1.0),))
    )


@pytest.mark.parametrize("mine", ["sd", "sdxl", "sd3", "flux", "pixart-sigma"])
@pytest.mark.parametrize("theirs", ["sd", "sdxl", "sd3", "flux", "pixart-sigma"])
def test_an_adapter_for_another_architecture_is_refused(
    load: Load, loras: Loras, request_px: DrawingRequest, mine: str, theirs: str
) -> None:
    if mine == theirs:
        assert load(mine).begin(replace(request_px, adapters=((loras(theirs, 1), 1.0),)))
        return
    model = load(mine)
    before = drawn(model, request_px)
    with pytest.raises(WeightsError) as refused:
        model.begin(replace(request_px, adapters=((loras(theirs, 1), 1.0),)))
    assert refused.value.code == "model_incompatible"
    assert drawn(model, request_px) == before


def _without(state: dict[str, Any]) -> dict[str, Any]:
    return dict(list(state.items())[1:])


def _with_a_stranger(state: dict[str, Any]) -> dict[str, Any]:
    return state | {
        "unet.down_blocks.7.to_q.lora_A.weight": torch.ones(2, 4),
        "unet.down_blocks.7.to_q.lora_B.weight": torch.ones(4, 2),
    }


def _with_other_tensors(state: dict[str, Any]) -> dict[str, Any]:
    return state | {"unet.conv_in.weight": torch.ones(2)}


def _misshapen(state: dict[str, Any]) -> dict[str, Any]:
    return {key: torch.cat([value, value]) if key.endswith("lora_B.weight") else value for key, value in state.items()}


def _not_finite(state: dict[str, Any]) -> dict[str, Any]:
    return {key: value * float("inf") for key, value in state.items()}


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (_without, "model_incompatible"),
        (_with_a_stranger, "model_incompatible"),
        (_with_other_tensors, "model_incompatible"),
        (_misshapen, "model_incompatible"),
        (_not_finite, "model_nan"),
    ],
)
def test_an_adapter_that_does_not_fit_to_the_last_tensor_is_refused(
    load: Load, loras: Loras, request_px: DrawingRequest, tmp_path: Path, change: Callable[..., Any], code: str
) -> None:
    save_file(change(load_file(loras("sd", 1) / tiny.LORA)), tmp_path / tiny.LORA)
    model = load("sd")
    good = ((loras("sd", 2), 1.0),)
    before = drawn(model, replace(request_px, adapters=good))
    with pytest.raises(WeightsError) as refused:
        model.begin(replace(request_px, adapters=((tmp_path, 1.0),)))
    assert refused.value.code == code
    # The one that was active is so still.
    assert drawn(model, replace(request_px, adapters=good)) == before


@pytest.mark.parametrize("variant", ["use_dora", "use_rslora", "lora_bias"])
def test_other_kinds_of_lora_are_refused_by_name(
    load: Load, loras: Loras, request_px: DrawingRequest, tmp_path: Path, variant: str
) -> None:
    notes = {"lora_adapter_metadata": json.dumps({f"unet.{variant}": True})}
    save_file(load_file(loras("sd", 1) / tiny.LORA), tmp_path / tiny.LORA, notes)
    with pytest.raises(WeightsError, match=variant) as refused:
        load("sd").begin(replace(request_px, adapters=((tmp_path, 1.0),)))
    assert refused.value.code == "model_incompatible"


def test_an_adapter_saved_as_a_pickle_is_refused_unopened(
    load: Load, loras: Loras, request_px: DrawingRequest, tmp_path: Path
) -> None:
    folder = tmp_path / "lora"
    shutil.copytree(loras("sd", 1), folder)
    torch.save({}, folder / "pytorch_lora_weights.bin")
    with pytest.raises(WeightsError) as refused:
        load("sd").begin(replace(request_px, adapters=((folder, 1.0),)))
    assert (refused.value.code, refused.value.where) == ("model_format_unsafe", "pytorch_lora_weights.bin")
