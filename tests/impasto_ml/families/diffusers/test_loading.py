"""A repository as people have it loads: sharded, in half precision, with older names, with a safety checker."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import diffusers
import pytest
import torch
import transformers
from diffusers.pipelines.stable_diffusion import StableDiffusionSafetyChecker
from safetensors.torch import load_file, save_file

from impasto_ml.families.diffusers import (
    LAYOUTS,
    DiffusersTextToImage,
    FamilyNotInstalled,
    check_tensors,
    default_dtype,
    estimate,
    load_pipeline,
)
from impasto_ml.families.diffusers.installed import library
from impasto_ml.families.text_to_image import DrawingRequest
from impasto_ml.weights import check_repository

from . import hostile, tiny
from .conftest import drawn

Made = Callable[[str], Path]


@pytest.fixture
def copy(pipelines: Made, tmp_path: Path) -> Callable[[str], Path]:
    return lambda name: shutil.copytree(pipelines(name), tmp_path / name)


def _drawn(folder: Path, request: DrawingRequest) -> bytes:
    # Whatever can be drawn with can be imported.
    check_tensors(check_repository(folder, LAYOUTS))
    with DiffusersTextToImage.load(folder) as model:
        return drawn(model, request)


def test_shards_give_the_same_pictures(copy: Made, pipelines: Made, request_px: DrawingRequest) -> None:
    folder = copy("sd")
    unet = diffusers.UNet2DConditionModel.from_pretrained(folder / "unet")
    shutil.rmtree(folder / "unet")
    unet.save_pretrained(folder / "unet", max_shard_size="30KB")
    assert len(list((folder / "unet").glob("*-of-*.safetensors"))) > 1
    assert _drawn(folder, request_px) == _drawn(pipelines("sd"), request_px)


@pytest.mark.parametrize("place", ["./special_tokens_map.json", "{elsewhere}/special_tokens_map.json"])
def test_a_tokenizer_that_notes_where_its_makers_copy_lay_draws_the_same_and_reads_nothing_there(
    copy: Made, pipelines: Made, request_px: DrawingRequest, tmp_path: Path, place: str
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "special_tokens_map.json").write_text("read by nobody, or this is a fault")
    folder = copy("sd")
    path = folder / "tokenizer/tokenizer_config.json"

    def token(content: str) -> dict[str, object]:
        stripped = {"lstrip": False, "rstrip": False, "single_word": False}
        return {"__type": "AddedToken", "content": content, "normalized": True, **stripped}

    # As Stable Diffusion 1.5 was published, but for the length.
    published = {
        "add_prefix_space": False,
        "bos_token": token("<|startoftext|>"),
        "do_lower_case": True,
        "eos_token": token("<|endoftext|>"),
        "errors": "replace",
        "model_max_length": json.loads(path.read_text())["model_max_length"],
        "name_or_path": "openai/clip-vit-large-patch14",
        "pad_token": "<|endoftext|>",
        "special_tokens_map_file": place.format(elsewhere=elsewhere),
        "tokenizer_class": "CLIPTokenizer",
        "unk_token": token("<|endoftext|>"),
    }
    path.write_text(json.dumps(published))
    assert _drawn(folder, request_px) == _drawn(pipelines("sd"), request_px)


def test_a_shard_that_is_not_listed_rightly_is_refused(copy: Made) -> None:
    folder = copy("sd")
    state = load_file(folder / hostile.UNET)
    (folder / hostile.UNET).unlink()
    names = sorted(state)
    save_file({n: state[n] for n in names[:9]}, folder / "unet/a.safetensors")
    save_file({n: state[n] for n in names[9:]}, folder / "unet/b.safetensors")
    table = {n: "a.safetensors" if n in names[:9] else "b.safetensors" for n in names}
    index = folder / f"{hostile.UNET}.index.json"
    index.write_text(json.dumps({"metadata": {}, "weight_map": table}))
    assert load_pipeline(folder)
    for wrong in (
        table | {names[0]: "b.safetensors"},
        table | {"more": "a.safetensors"},
        table | {names[0]: "c.safetensors"},
    ):
        index.write_text(json.dumps({"metadata": {}, "weight_map": wrong}))
        with pytest.raises(ValueError, match=r"shards do not hold|not there") as refused:
            load_pipeline(folder)
        assert getattr(refused.value, "code", None) == "model_corrupt"


def test_weights_that_come_in_half_precision_only_are_found_and_widened(copy: Made, request_px: DrawingRequest) -> None:
    folder = copy("sdxl")
    for file in folder.rglob("*.safetensors"):
        save_file(
            {n: t.half() for n, t in load_file(file).items()}, file.with_suffix(".fp16.safetensors"), {"format": "pt"}
        )
        file.unlink()
    loaded = load_pipeline(folder)
    assert {p.dtype for c in ("unet", "vae", "text_encoder_2") for p in loaded.components[c].parameters()} == {
        torch.float32
    }
    assert len(drawn(DiffusersTextToImage(loaded), request_px)) == 16 * 16 * 3


def test_the_estimate_is_what_is_held_in_either_precision(pipelines: Made) -> None:
    for dtype in (torch.float32, torch.bfloat16):
        loaded = load_pipeline(pipelines("sd3"), dtype=dtype)
        held = {
            name: sum(p.nbytes for p in component.parameters())
            for name, component in loaded.components.items()
            if isinstance(component, torch.nn.Module)
        }
        told = estimate(loaded.repository, dtype, (1024, 1024))
        # Fixed tables of positions are saved, but no parameters.
        assert all(held[name] <= told.weights[name] <= held[name] + 20_000 for name in held)
        assert told.total_bytes > told.weights_bytes + 1024 * 1024 * 3


def test_brain_floats_draw_on_a_cpu_too(pipelines: Made, request_px: DrawingRequest) -> None:
    with DiffusersTextToImage.load(pipelines("flux"), dtype=torch.bfloat16) as half:
        # All but a few tables of whole numbers.
        assert half.memory_bytes * 2 == pytest.approx(
            DiffusersTextToImage.load(pipelines("flux")).memory_bytes, rel=0.01
        )
        assert len(drawn(half, request_px)) == 16 * 16 * 3
    assert (default_dtype("cpu"), default_dtype("cuda:1")) == (torch.float32, torch.bfloat16)


def test_the_index_may_name_the_variant_for_pictures(copy: Made, pipelines: Made, request_px: DrawingRequest) -> None:
    folder = copy("sdxl")
    index = json.loads((folder / "model_index.json").read_text())
    index |= {"_class_name": "StableDiffusionXLImg2ImgPipeline", "requires_aesthetics_score": False}
    (folder / "model_index.json").write_text(json.dumps(index))
    assert _drawn(folder, request_px) == _drawn(pipelines("sdxl"), request_px)


def test_the_older_name_of_pixarts_network_is_known(copy: Made, pipelines: Made, request_px: DrawingRequest) -> None:
    folder = copy("pixart-alpha")
    for path in (folder / "model_index.json", folder / "transformer/config.json"):
        path.write_text(path.read_text().replace("PixArtTransformer2DModel", "Transformer2DModel"))
    assert _drawn(folder, request_px) == _drawn(pipelines("pixart-alpha"), request_px)


@pytest.mark.parametrize("name", tiny.MAKERS)
def test_the_tensors_of_every_architecture_are_compared_and_take_no_memory(pipelines: Made, name: str) -> None:
    """On the meta device a parameter has no bytes."""
    repository = check_repository(pipelines(name), LAYOUTS)
    check_tensors(repository)
    loaded = load_pipeline(pipelines(name), "meta", repository=repository)
    networks = [part for part in loaded.components.values() if isinstance(part, torch.nn.Module)]
    assert len(networks) >= 3
    assert {tensor.device.type for network in networks for tensor in network.parameters()} == {"meta"}


def test_a_safety_checker_that_is_there_is_used(request_px: DrawingRequest, tmp_path: Path) -> None:
    config = transformers.CLIPConfig(
        projection_dim=8,
        vision_config={"hidden_size": 8, "intermediate_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2,
                       "image_size": 16, "patch_size": 8},
    )  # fmt: skip
    checker = StableDiffusionSafetyChecker(config)
    # Everything is like everything that it looks for.
    checker.concept_embeds_weights.data.fill_(-1.0)
    checker.special_care_embeds_weights.data.fill_(-1.0)
    processor = transformers.CLIPImageProcessor(size={"shortest_edge": 16}, crop_size={"height": 16, "width": 16})
    plain = tiny.stable_diffusion()
    diffusers.StableDiffusionPipeline(
        **plain.components | {"safety_checker": checker, "feature_extractor": processor}
    ).save_pretrained(tmp_path / "guarded")
    assert set(_drawn(tmp_path / "guarded", request_px)) == {0}


def test_files_that_people_have_beside_a_model_do_no_harm(copy: Made) -> None:
    folder = copy("sd")
    (folder / "README.md").write_text("# Mine")
    (folder / "LICENSE").write_text("free")
    (folder / ".gitattributes").write_text("")
    (folder / ".cache/huggingface").mkdir(parents=True)
    (folder / ".cache/huggingface/x.metadata").write_text("")
    (folder / "grid.png").write_bytes(b"\x89PNG")
    assert "LICENSE" in check_repository(folder, LAYOUTS).files


def test_without_the_extra_the_error_says_how_to_get_it() -> None:
    with pytest.raises(FamilyNotInstalled, match=r"pip install 'impasto\[worker,diffusers\]'"):
        library("diffusers_of_tomorrow")


def test_importing_the_family_imports_none_of_the_large_libraries() -> None:
    code = (
        "import sys, impasto_ml.families.diffusers\n"
        "print([m for m in ('diffusers', 'transformers', 'peft', 'accelerate') if m in sys.modules])"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"
