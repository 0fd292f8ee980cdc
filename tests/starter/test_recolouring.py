"""Copies in other colours: one hue is found, turned, and nothing else is."""

from __future__ import annotations

import colorsys

import numpy as np
import pytest
from PIL import Image

from impasto_ml.data.scenes import COLOURS
from impasto_starter.recolouring import dominant_colour, other_colours, recoloured

NAMED = [name for name in COLOURS if name not in ("black", "pink")]


def on_white(*colours: tuple[int, int, int]) -> Image.Image:
    picture = Image.new("RGB", (20, 20), "white")
    for number, colour in enumerate(colours):
        picture.paste(colour, (2 + 8 * number, 2, 10 + 8 * number, 18))
    return picture


@pytest.mark.parametrize("colour", NAMED)
def test_a_drawing_of_one_hue_has_its_word(colour: str) -> None:
    found = dominant_colour(on_white(COLOURS[colour]))
    assert found is not None
    assert found[0] == colour


@pytest.mark.parametrize(
    "colours", [[(0, 0, 0)], [(128, 128, 128)], [(255, 255, 255)], [(222, 46, 46), (46, 110, 224)]]
)
def test_what_has_no_colour_or_several_has_no_word(colours: list[tuple[int, int, int]]) -> None:
    assert dominant_colour(on_white(*colours)) is None


@pytest.mark.parametrize("to", NAMED)
def test_a_turned_drawing_has_the_new_colour_and_the_same_white(to: str) -> None:
    picture = on_white(COLOURS["red"])
    found = dominant_colour(picture)
    assert found is not None
    turned = recoloured(picture, found[1], to)
    again = dominant_colour(turned)
    assert again is not None
    assert again[0] == to
    assert turned.getpixel((0, 0)) == (255, 255, 255)
    hue = colorsys.rgb_to_hsv(*(np.array(turned.getpixel((5, 5))) / 255))[0]
    assert hue == pytest.approx(colorsys.rgb_to_hsv(*(np.array(COLOURS[to]) / 255))[0], abs=0.02)


def test_a_drawing_is_not_turned_to_its_own_colour() -> None:
    assert sorted([*other_colours("red"), "red"]) == sorted(NAMED)
