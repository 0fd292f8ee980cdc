"""Pictures drawn step by step are those that the pipelines draw themselves, of any architecture, seed and order."""

from __future__ import annotations

import gc
import threading
import weakref
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

from impasto_ml.families.diffusers import ARCHITECTURES, DiffusersTextToImage, SizeNotAllowed
from impasto_ml.families.diffusers.calls import open_picture
from impasto_ml.families.text_to_image import DrawingRequest

from . import tiny
from .conftest import drawn

Load = Callable[[str], DiffusersTextToImage]
ALL = tuple(tiny.MAKERS)
FROM_PICTURES = tuple(name for name in ALL if not name.startswith("pixart"))


def _threads() -> int:
    return sum(thread.name == "drawing" for thread in threading.enumerate())


def _by_the_library(model: DiffusersTextToImage, request: DrawingRequest, **arguments: Any) -> bytes:
    pipeline = model.loaded.pipeline(from_picture=request.picture is not None)
    pipeline.set_progress_bar_config(disable=True)
    given = {"num_inference_steps": request.steps, "generator": torch.Generator().manual_seed(request.seed)}
    picture: Image.Image = pipeline(prompt=request.prompt, **given, **arguments).images[0]
    return picture.tobytes()


def test_every_architecture_has_a_tiny_pipeline(pipelines: Callable[[str], Path]) -> None:
    made = {(pipelines(name) / "model_index.json").read_text().split('"')[3] for name in ALL}
    assert made == set(ARCHITECTURES)


@pytest.mark.parametrize("name", ALL)
def test_the_picture_is_the_one_that_the_pipeline_draws_itself(
    load: Load, request_px: DrawingRequest, name: str
) -> None:
    model = load(name)
    arguments: dict[str, Any] = {"width": 16, "height": 16, "guidance_scale": request_px.guidance}
    arguments |= model.loaded.architecture.arguments
    assert drawn(model, request_px) == _by_the_library(model, request_px, **arguments)


@pytest.mark.parametrize("name", FROM_PICTURES)
def test_a_picture_is_changed_as_the_pipeline_changes_it_itself(
    load: Load, request_px: DrawingRequest, picture: Path, name: str
) -> None:
    model = load(name)
    request = replace(request_px, picture=picture, strength=0.5, steps=4)
    arguments: dict[str, Any] = {"image": open_picture(picture, (16, 16)), "strength": 0.5, "guidance_scale": 2.5}
    if model.loaded.architecture.packed:
        arguments |= {"width": 16, "height": 16}
    assert model.begin(request).steps == 2
    assert drawn(model, request) == _by_the_library(model, request, **arguments)


@pytest.mark.parametrize("name", ALL)
def test_every_part_of_a_request_matters(load: Load, request_px: DrawingRequest, name: str) -> None:
    model = load(name)
    changes: list[dict[str, Any]] = [
        {},
        {"seed": 4},
        {"prompt": "rain"},
        {"guidance": 6.0},
        {"negative_prompt": "blue"},
    ]
    pictures = [drawn(model, replace(request_px, **change)) for change in changes]
    assert len(set(pictures)) == len(changes)
    assert drawn(model, request_px) == pictures[0]


@pytest.mark.parametrize("name", ["sd", "sdxl", "flux", "pixart-sigma"])
def test_drawings_that_take_turns_do_not_disturb_each_other(load: Load, request_px: DrawingRequest, name: str) -> None:
    model = load(name)
    requests = [request_px, replace(request_px, seed=9, steps=5, width=24, prompt="a blue house")]
    alone = [drawn(model, request) for request in requests]
    one, two = map(model.begin, requests)
    model.denoise_step([one])
    while not two.done:
        model.denoise_step([d for d in (two, one) if not d.done])
    assert [model.finish(one).tobytes(), model.finish(two).tobytes()] == alone


@pytest.mark.parametrize("name", ["sd", "sd3", "flux", "pixart-alpha"])
def test_each_call_is_exactly_one_step_and_has_a_preview(load: Load, request_px: DrawingRequest, name: str) -> None:
    model = load(name)
    calls: list[int] = []
    model.loaded.components[model.loaded.architecture.denoiser].register_forward_hook(lambda *_: calls.append(1))
    drawing = model.begin(request_px)
    assert (drawing.step, drawing.steps, calls) == (0, 3, [])
    assert model.preview(drawing).size == (16, 16)
    previews = set()
    for step in (1, 2, 3):
        model.denoise_step([drawing])
        assert (drawing.step, len(calls), drawing.done) == (step, step, step == 3)
        previews.add(model.preview(drawing).tobytes())
    assert len(previews) > 1
    finished = model.finish(drawing)
    assert (finished.mode, finished.size) == ("RGB", (16, 16))
    assert model.finish(drawing) is model.preview(drawing) is finished
    assert _threads() == 0


@pytest.mark.parametrize("steps_done", [0, 2])
def test_an_abandoned_drawing_leaves_no_thread_and_no_latents(
    load: Load, request_px: DrawingRequest, steps_done: int
) -> None:
    model = load("sd")
    drawing = model.begin(request_px)
    for _ in range(steps_done):
        model.denoise_step([drawing])
    assert _threads() == 1
    held = [
        weakref.ref(o) for o in gc.get_objects() if type(o).__name__ in ("StableDiffusionPipeline", "DDIMScheduler")
    ]
    latents = weakref.ref(drawing.latents) if drawing.latents is not None else lambda: None
    model.abandon(drawing)
    model.abandon(drawing)
    gc.collect()
    assert _threads() == 0
    assert latents() is None
    # Only the scheduler that was loaded is left.
    assert [type(o()).__name__ for o in held if o() is not None] == ["DDIMScheduler"]
    assert drawn(model, request_px)


def test_closing_abandons_what_is_being_drawn(load: Load, request_px: DrawingRequest) -> None:
    with load("sd") as model:
        for seed in (1, 2, 3):
            model.begin(replace(request_px, seed=seed))
        assert _threads() == 3
    assert _threads() == 0


def test_a_step_that_fails_ends_its_drawing_only(load: Load, request_px: DrawingRequest) -> None:
    model = load("sd")
    failing, other = model.begin(request_px), model.begin(request_px)
    model.denoise_step([failing])
    with model.loaded.components["unet"].register_forward_pre_hook(_no_memory), pytest.raises(torch.OutOfMemoryError):
        model.denoise_step([failing])
    assert _threads() == 1
    assert (failing.lost, other.lost) == (True, False)
    model.abandon(failing)
    while not other.done:
        model.denoise_step([other])
    assert model.finish(other).tobytes() == drawn(model, request_px)


def test_decoding_that_fails_loses_its_drawing_only(load: Load, request_px: DrawingRequest) -> None:
    model = load("sd")
    failing, other = model.begin(request_px), model.begin(request_px)
    while not other.done:
        model.denoise_step([failing, other])
    with (
        model.loaded.components["vae"].decoder.register_forward_pre_hook(_no_memory),
        pytest.raises(torch.OutOfMemoryError),
    ):
        model.finish(failing)
    assert (failing.lost, other.lost) == (True, False)
    assert model.finish(other).tobytes() == drawn(model, request_px)
    assert not other.lost


def _no_memory(*_: Any) -> None:
    raise torch.OutOfMemoryError("no memory left")


def test_what_is_transparent_in_a_picture_lies_on_white(tmp_path: Path) -> None:
    Image.new("RGBA", (24, 24), (0, 0, 0, 0)).save(tmp_path / "clear.png")
    assert open_picture(tmp_path / "clear.png", (16, 16)).getextrema() == ((255, 255),) * 3


@pytest.mark.parametrize(
    ("side", "kind", "reason"), [(24, "TIFF", "cannot be read"), (11_000, "PNG", "at most 100000000 are decoded")]
)
def test_what_the_platform_does_not_write_and_what_is_too_large_is_not_opened(
    tmp_path: Path, side: int, kind: str, reason: str
) -> None:
    Image.new("1", (side, side)).save(tmp_path / "given", kind)
    with pytest.raises(ValueError, match=reason):
        open_picture(tmp_path / "given", (16, 16))


def test_sixteen_times_the_pixels_need_more_than_ten_times_the_memory_they_work_in(load: Load) -> None:
    model = load("sd")
    small, large = (model.drawing_bytes(DrawingRequest("", 0, width=side, height=side)) for side in (256, 1024))
    smallest = model.drawing_bytes(DrawingRequest("", 0, width=8, height=8))
    assert large - smallest > 10 * (small - smallest)
    assert model.drawing_bytes(DrawingRequest("", 0)) == model.drawing_bytes(DrawingRequest("", 0, width=16, height=16))
    with pytest.raises(SizeNotAllowed):
        model.drawing_bytes(DrawingRequest("", 0, width=9))


@pytest.mark.parametrize("name", FROM_PICTURES)
def test_without_strength_the_picture_stays_as_it_is(
    load: Load, request_px: DrawingRequest, picture: Path, name: str
) -> None:
    request = replace(request_px, picture=picture, strength=0.1)
    assert drawn(load(name), request) == open_picture(picture, (16, 16)).tobytes()


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"style": {"bold": 1.0}}, "styles"),
        ({"steps": 0}, "steps"),
        ({"strength": 1.5}, "strength"),
        ({"seed": 1 << 63}, "seed"),
        ({"picture": Path("/nowhere.png")}, "cannot be read"),
    ],
)
def test_a_request_that_cannot_be_drawn_is_refused(
    load: Load, request_px: DrawingRequest, change: dict[str, Any], reason: str
) -> None:
    with pytest.raises(ValueError, match=reason):
        load("sd").begin(replace(request_px, **change))
    assert _threads() == 0


def test_what_starts_from_words_only_says_so(load: Load, request_px: DrawingRequest, picture: Path) -> None:
    with pytest.raises(ValueError, match="does not start from a picture"):
        load("pixart-alpha").begin(replace(request_px, picture=picture))


def test_a_size_that_cannot_be_drawn_is_refused_with_the_nearest_that_can(
    load: Load, request_px: DrawingRequest
) -> None:
    model = load("sd3")
    with pytest.raises(SizeNotAllowed) as refused:
        model.begin(replace(request_px, width=21, height=14))
    assert refused.value.nearest == (24, 16)
    width, height = refused.value.nearest
    assert model.begin(replace(request_px, width=width, height=height)).size == (24, 16)


def test_prompts_are_not_told_to_logs_even_if_they_are_too_long(
    load: Load, request_px: DrawingRequest, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    drawn(load("sdxl"), replace(request_px, prompt="a secret garden " * 40, negative_prompt="secret " * 90))
    told = capfd.readouterr()
    assert "secret" not in told.out + told.err + caplog.text


def test_the_fast_flux_draws_too(request_px: DrawingRequest, tmp_path: Path) -> None:
    tiny.flux(guidance_embeds=False).save_pretrained(tmp_path / "fast")
    with DiffusersTextToImage.load(tmp_path / "fast") as model:
        plain = drawn(model, request_px)
        assert plain == _by_the_library(model, request_px, width=16, height=16, max_sequence_length=256)
        assert plain != drawn(model, replace(request_px, negative_prompt="blue"))
