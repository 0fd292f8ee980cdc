"""The reader of scenes reads real renders right, and says nothing of pictures that hold no one thing."""

from collections import Counter

import pytest
from PIL import Image, ImageFilter

from impasto_ml.data.scenes import COLOURLESS, COLOURS, MANNERS, PLACES, SHAPES, Scene, draw
from impasto_ml.evaluation.attributes import read

# No lesson and no other test uses these.
_SEEDS = (7_340_033, 7_340_034)
_LEAST = 0.98


def _scenes(manner: str) -> list[Scene]:
    """72 of the 576: every pair of colour and shape is there, and every place with each shape and colour in turn."""
    colours, places = list(COLOURS), list(PLACES)
    return [
        Scene(colours[(row + column) % len(colours)], shape, place, manner)
        for row, shape in enumerate(SHAPES)
        for column, place in enumerate(places)
    ]


@pytest.mark.parametrize("manner", MANNERS)
def test_renders_of_every_manner_are_read_right(manner: str) -> None:
    right: Counter[str] = Counter()
    scenes = _scenes(manner)
    for scene in scenes:
        for seed in _SEEDS:
            found = read(draw(scene, 64, seed))
            right += Counter(
                colour=found.colour == scene.colour, shape=found.shape == scene.shape, place=found.place == scene.place
            )
    total = len(scenes) * len(_SEEDS)
    wanted = {"shape", "place"} | (set() if manner in COLOURLESS else {"colour"})
    assert {name: right[name] / total for name in wanted if right[name] / total < _LEAST} == {}


@pytest.mark.parametrize("size_px", [32, 200])
def test_the_size_of_the_picture_does_not_matter(size_px: int) -> None:
    for shape in SHAPES:
        scene = Scene("blue", shape, "at the bottom right", "flat")
        found = read(draw(scene, size_px, _SEEDS[0]))
        assert (found.colour, found.shape, found.place) == ("blue", shape, "at the bottom right")


def test_a_soft_edge_and_a_gap_in_an_outline_do_not_hide_a_shape() -> None:
    blurred = draw(Scene("green", "star", "in the centre", "flat"), 64, 5).filter(ImageFilter.GaussianBlur(0.8))
    assert read(blurred).shape == "star"
    outline = draw(Scene("black", "square", "in the centre", "ink"), 64, 5)
    outline.paste((255, 255, 255), (31, 0, 33, 64))
    assert read(outline).shape == "square"


def test_an_empty_picture_shows_nothing() -> None:
    found = read(Image.new("RGB", (64, 64), "white"))
    assert (found.colour, found.shape, found.place) == (None, None, None)


def test_two_things_are_not_read_as_one() -> None:
    left = draw(Scene("red", "circle", "on the left", "flat"), 64, 1)
    right = draw(Scene("red", "circle", "on the right", "flat"), 64, 1)
    left.paste(right.crop((34, 0, 64, 64)), (34, 0))
    found = read(left)
    assert (found.colour, found.shape, found.place) == ("red", None, None)


def test_a_blot_is_none_of_the_shapes() -> None:
    blot = Image.new("RGB", (64, 64), "white")
    blot.paste((222, 46, 46), (4, 30, 60, 34))
    assert read(blot).shape is None
