"""Pictures become RGB: what is transparent shows what it lies on, what is not stays as it is."""

from __future__ import annotations

import io
from typing import Any

import pytest
from PIL import Image

from impasto_ml.data.pictures import flatten, has_alpha, open_picture

_GROUND = (16, 32, 48)


def stored(mode: str, colour: Any, transparency: Any) -> Image.Image:
    """As a PNG has it that names one transparent colour instead of carrying a channel."""
    Image.new(mode, (8, 8), colour).save(buffer := io.BytesIO(), "PNG", transparency=transparency)
    return open_picture(buffer)


def clear(mode: str) -> Image.Image:
    if mode == "PA":
        return Image.new("PA", (8, 8), (0, 0))
    return Image.new("RGBA", (8, 8), (9, 9, 9, 0)).convert(mode)


@pytest.mark.parametrize(
    "picture",
    [
        *(clear(mode) for mode in ("RGBA", "RGBa", "LA", "PA")),
        stored("P", 0, 0),
        stored("L", 9, 9),
        stored("RGB", (9, 9, 9), (9, 9, 9)),
    ],
    ids=["RGBA", "RGBa", "LA", "PA", "P stored", "L stored", "RGB stored"],
)
def test_transparent_parts_show_the_background_which_is_white_unless_told(picture: Image.Image) -> None:
    assert has_alpha(picture)
    assert (flatten(picture).mode, flatten(picture).getpixel((4, 4))) == ("RGB", (255, 255, 255))
    assert flatten(picture, "#102030").getcolors() == [(64, _GROUND)]


def test_what_is_half_transparent_is_mixed_with_the_background() -> None:
    half = Image.new("RGBA", (8, 8), (255, 0, 0, 128))
    assert flatten(half, "blue").getpixel((4, 4)) == pytest.approx((128, 0, 127), abs=1)
    assert flatten(half.convert("RGBa"), "blue").getpixel((4, 4)) == pytest.approx((128, 0, 127), abs=1)


def test_only_the_transparent_parts_change() -> None:
    picture = Image.new("RGBA", (8, 8), (200, 100, 50, 255))
    picture.paste((1, 2, 3, 0), (0, 0, 4, 8))
    flat = flatten(picture, "#102030")
    assert (flat.getpixel((1, 1)), flat.getpixel((6, 6))) == (_GROUND, (200, 100, 50))


@pytest.mark.parametrize(("mode", "colour"), [("RGB", (1, 2, 3)), ("L", 7), ("CMYK", (0, 0, 0, 255)), ("1", 1)])
def test_what_has_no_transparency_is_the_same_in_rgb(mode: str, colour: Any) -> None:
    picture = Image.new(mode, (8, 8), colour)
    assert not has_alpha(picture)
    assert flatten(picture, "red").tobytes() == picture.convert("RGB").tobytes()
