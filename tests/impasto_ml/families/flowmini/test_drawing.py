"""flowmini draws what is asked for: the same alone and among others, and from a picture on."""

from __future__ import annotations

import gc
import struct
import weakref
import zlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image, PngImagePlugin

from impasto_ml.encoders.text import TextEncoder
from impasto_ml.families.flowmini import FlowMiniDrawer, load, save_checkpoint
from impasto_ml.families.text_to_image import DrawingRequest
from impasto_ml.pretrained import NotFetched
from impasto_ml.sampling.sheets import draw_all
from tests.impasto_ml.families.flowmini.networks import lively


@pytest.fixture(scope="module")
def drawer(models_folder: Path) -> FlowMiniDrawer:
    torch.set_num_threads(1)
    return FlowMiniDrawer(lively(), TextEncoder.load(models_folder))


@pytest.fixture
def full_precision(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a device without half precision: what is left of a difference is no rounding."""
    monkeypatch.setattr(torch, "autocast", lambda *_, **__: nullcontext())


def draw(drawer: FlowMiniDrawer, *requests: DrawingRequest) -> list[Any]:
    return [np.asarray(picture).astype(int) for picture in draw_all(drawer, requests)]


def differ(one: Any, other: Any) -> int:
    return int(np.abs(one - other).max())


def grid() -> Sequence[DrawingRequest]:
    """Requests that differ in everything that a batch must keep apart."""
    return [
        DrawingRequest("a red heart", 1, steps=4, style={"oil": 1.0}),
        DrawingRequest("a fox in the snow under a very large and old tree", 2, steps=7, guidance=1.0),
        DrawingRequest("a boat", 3, steps=5, guidance=4.0, style={"ink": 1.0}),
        DrawingRequest("", 4, steps=6, guidance=0.0, style={"oil": 1.0, "ink": 3.0}),
        DrawingRequest("a boat", 5, steps=5, guidance=4.0, style={"ink": 1.0}),
        DrawingRequest("a boat", 5, steps=5, guidance=4.0, style_guidance=1.0, style={"ink": 1.0}),
    ]


def test_time_guidance_words_style_and_seed_in_one_batch_give_what_each_gives_alone(
    drawer: FlowMiniDrawer, full_precision: None
) -> None:
    requests = grid()
    together = draw(drawer, *requests)
    for request, picture in zip(requests, together, strict=True):
        assert differ(*draw(drawer, request), picture) <= 1
    assert all(differ(one, other) > 8 for n, one in enumerate(together) for other in together[:n])


def test_in_half_precision_a_batch_changes_no_more_than_rounding_does(drawer: FlowMiniDrawer) -> None:
    """A random network makes much of every rounding; what the starter makes of it, its evaluation measures."""
    requests = grid()
    for request, picture in zip(requests, draw(drawer, *requests), strict=True):
        (alone,) = draw(drawer, request)
        assert np.abs(alone - picture).mean() < 0.1 * picture.std()


def test_a_drawing_that_joins_others_on_their_way_is_drawn_the_same(
    drawer: FlowMiniDrawer, full_precision: None
) -> None:
    first, second = grid()[0], grid()[2]
    one = drawer.begin(first)
    drawer.denoise_step([one])
    two = drawer.begin(second)
    while running := [drawing for drawing in (one, two) if not drawing.done]:
        drawer.denoise_step(running)
    alone = draw(drawer, first, second)
    drawn = [np.asarray(drawer.finish(drawing)).astype(int) for drawing in (one, two)]
    assert max(differ(*pair) for pair in zip(alone, drawn, strict=True)) <= 1


def test_the_same_request_gives_the_same_picture(drawer: FlowMiniDrawer) -> None:
    request = grid()[0]
    assert differ(*draw(drawer, request), *draw(drawer, request)) == 0


def test_weights_of_styles_count_by_their_share(drawer: FlowMiniDrawer) -> None:
    few, many, other = draw(
        drawer,
        DrawingRequest("a boat", 1, style={"oil": 1.0, "ink": 1.0}),
        DrawingRequest("a boat", 1, style={"oil": 9.0, "ink": 9.0}),
        DrawingRequest("a boat", 1, style={"oil": 9.0, "ink": 1.0}),
    )
    assert differ(few, many) <= 1 < differ(few, other)


def test_a_preview_is_grey_before_the_first_step_and_the_picture_after_the_last(drawer: FlowMiniDrawer) -> None:
    drawing = drawer.begin(DrawingRequest("a boat", 1, steps=3))
    assert drawer.preview(drawing).getextrema() == ((128, 128),) * 3
    while not drawing.done:
        drawer.denoise_step([drawing])
    assert (drawing.step, drawing.steps) == (3, 3)
    assert differ(*(np.asarray(p(drawing)).astype(int) for p in (drawer.preview, drawer.finish))) == 0


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"style": {"cubist": 1.0}}, "'cubist'; it knows oil, ink"),
        ({"width": 64}, "32 x 32 px and no other"),
        ({"height": 16}, "32 x 32 px and no other"),
        ({"adapters": ((Path("lora"), 1.0),)}, "no adapters"),
        ({"negative_prompt": "blue"}, "no negative prompt"),
    ],
)
def test_what_it_cannot_draw_is_refused_with_the_reason(
    drawer: FlowMiniDrawer, changes: dict[str, Any], said: str
) -> None:
    with pytest.raises(ValueError, match=said):
        drawer.begin(DrawingRequest("a boat", 1, **changes))


def test_its_own_size_may_be_named(drawer: FlowMiniDrawer) -> None:
    assert drawer.size_px == (32, 32)
    assert drawer.begin(DrawingRequest("a boat", 1, width=32, height=32)).z.shape == (1, 3, 32, 32)


class TestFromAPicture:
    @pytest.fixture
    def picture(self, tmp_path: Path) -> Path:
        Image.linear_gradient("L").resize((32, 32)).convert("RGB").save(tmp_path / "given.png")
        return tmp_path / "given.png"

    def begun(self, drawer: FlowMiniDrawer, picture: Path, strength: float, steps: int = 10) -> Any:
        return drawer.begin(DrawingRequest("a boat", 1, steps, picture=picture, strength=strength))

    def test_less_strength_begins_nearer_and_takes_fewer_steps(self, drawer: FlowMiniDrawer, picture: Path) -> None:
        given = drawer._given(picture)
        begun = [self.begun(drawer, picture, strength) for strength in (0.05, 0.3, 0.7, 1.0)]
        away = [float((drawing.z - given).abs().mean()) for drawing in begun]
        assert away == sorted(away)
        assert away[0] < 0.1
        assert [drawing.steps for drawing in begun] == [1, 3, 7, 10]

    def test_full_strength_is_drawing_from_noise(self, drawer: FlowMiniDrawer, picture: Path) -> None:
        request = DrawingRequest("a boat", 1, 4)
        (free,) = draw(drawer, request)
        (started,) = draw(drawer, DrawingRequest("a boat", 1, 4, picture=picture, strength=1.0))
        assert differ(free, started) <= 1

    def test_no_strength_gives_the_picture_back(self, drawer: FlowMiniDrawer, picture: Path) -> None:
        (drawn,) = draw(drawer, DrawingRequest("a boat", 1, 4, picture=picture, strength=0.0))
        assert differ(drawn, np.asarray(Image.open(picture)).astype(int)) <= 1

    def test_what_is_not_square_or_transparent_lies_on_white(self, drawer: FlowMiniDrawer, tmp_path: Path) -> None:
        Image.new("RGBA", (64, 32), (0, 0, 0, 0)).save(tmp_path / "clear.png")
        assert float(drawer._given(tmp_path / "clear.png").min()) == 1.0

    def test_a_picture_that_was_turned_is_seen_upright(self, drawer: FlowMiniDrawer, tmp_path: Path) -> None:
        turned = Image.new("RGB", (32, 32), "white")
        turned.paste("black", (0, 0, 32, 16))
        exif = turned.getexif()
        exif[0x0112] = 3  # upside down
        turned.save(tmp_path / "turned.png", exif=exif)
        seen = drawer._given(tmp_path / "turned.png")
        assert (float(seen[0, 0, 0, 0]), float(seen[0, 0, -1, 0])) == (1.0, -1.0)

    @pytest.mark.parametrize("content", [b"", b"no picture", b"\x89PNG\r\n\x1a\n" + b"\0" * 40])
    def test_a_file_that_is_no_picture_is_an_os_error(
        self, drawer: FlowMiniDrawer, tmp_path: Path, content: bytes
    ) -> None:
        (tmp_path / "it").write_bytes(content)
        with pytest.raises(OSError, match=r"."):
            self.begun(drawer, tmp_path / "it", 0.5)

    def test_more_pixels_than_are_decoded_are_refused(self, drawer: FlowMiniDrawer, tmp_path: Path) -> None:
        def chunk(name: bytes, body: bytes) -> bytes:
            return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

        header = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
        bomb = PngImagePlugin._MAGIC + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0"))
        (tmp_path / "bomb.png").write_bytes(bomb)
        with pytest.raises((ValueError, OSError)):
            self.begun(drawer, tmp_path / "bomb.png", 0.5)


def test_a_folder_is_loaded_with_the_text_encoder_beside_it(models_folder: Path, tmp_path: Path) -> None:
    model = lively()
    save_checkpoint(tmp_path, model.config, model.state_dict())
    with pytest.raises(NotFetched):
        load(tmp_path)
    (tmp_path / "models").symlink_to(models_folder)
    loaded = load(tmp_path)
    assert loaded.styles == ("oil", "ink")
    own = 4 * sum(value.numel() for value in model.state_dict().values())
    encoder = TextEncoder.load(models_folder).memory_bytes
    assert encoder > 80 << 20
    assert loaded.memory_bytes == own + encoder
    assert loaded.drawing_bytes(DrawingRequest("", 0)) > 0


def test_checkpoints_share_one_text_encoder_as_long_as_one_is_loaded(models_folder: Path, tmp_path: Path) -> None:
    def folder(name: str) -> Path:
        model, place = lively(), tmp_path / name
        save_checkpoint(place, model.config, model.state_dict())
        (place / "models").symlink_to(models_folder)
        return place

    folders = [folder(name) for name in ("one", "two", "three", "four")]
    with ThreadPoolExecutor(4) as threads:
        loaded = list(threads.map(load, folders))
    encoders = {id(drawer._encoder) for drawer in loaded}
    assert len(encoders) == 1
    kept = weakref.ref(loaded[0]._encoder)
    del loaded
    gc.collect()
    assert kept() is None, "nobody draws with it any more"
