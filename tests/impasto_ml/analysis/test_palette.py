"""Colours, names, temperature, contrast, harmony."""

import numpy as np
import pytest
from PIL import Image, ImageDraw

from impasto_ml.analysis.colour_names import COLOUR_NAMES, hex_to_rgb, name_colours
from impasto_ml.analysis.harmony import wheel_angle
from impasto_ml.analysis.palette import read_palette
from impasto_ml.analysis.pixels import to_oklab

from .pictures import gradient, photograph, two_halves


def stripes(*colours: str) -> Image.Image:
    picture = Image.new("RGB", (60 * len(colours), 60))
    for index, colour in enumerate(colours):
        picture.paste(hex_to_rgb(COLOUR_NAMES[colour]), (60 * index, 0, 60 * index + 60, 60))
    return picture


def test_a_picture_of_two_colours_has_exactly_these() -> None:
    palette = read_palette(two_halves((255, 0, 0), (0, 0, 255), 0.25))
    assert [(swatch.name, swatch.hex, swatch.share) for swatch in palette.swatches] == [
        ("blue", "#0000ff", 0.75),
        ("red", "#ff0000", 0.25),
    ]


@pytest.mark.parametrize("names", [("black", "white"), ("teal", "ochre", "cream"), ("moss", "rust", "navy", "peach")])
def test_named_colours_are_found_under_their_names(names: tuple[str, ...]) -> None:
    palette = read_palette(stripes(*names))
    assert {swatch.name for swatch in palette.swatches} == set(names)
    assert {swatch.hex for swatch in palette.swatches} == {f"#{COLOUR_NAMES[name]}" for name in names}


def test_every_name_names_its_own_colour_and_no_two_colours_are_one() -> None:
    rgb = np.array([hex_to_rgb(code) for code in COLOUR_NAMES.values()], dtype=np.float32) / 255
    assert [name_colours(colour[None])[0] for colour in to_oklab(rgb)] == list(COLOUR_NAMES)
    assert 100 <= len(set(COLOUR_NAMES.values())) == len(COLOUR_NAMES)


def test_shares_of_a_photograph_sum_to_one_and_fall() -> None:
    swatches = read_palette(photograph("coffee")).swatches
    shares = [swatch.share for swatch in swatches]
    assert 5 <= len(swatches) <= 8
    assert sum(shares) == pytest.approx(1, abs=1e-3)
    assert shares == sorted(shares, reverse=True)
    assert len({swatch.name for swatch in swatches}) == len(swatches)


def test_a_small_accent_is_not_lost() -> None:
    picture = Image.new("RGB", (200, 200), (40, 60, 110))
    ImageDraw.Draw(picture).rectangle((90, 90, 119, 119), fill=(255, 160, 20))
    accent = read_palette(picture).swatches[-1]
    assert accent.hex == "#ffa014"
    assert accent.share == pytest.approx(0.0225, abs=0.004)


def test_a_grey_ramp_is_achromatic_neutral_and_full_of_contrast() -> None:
    palette = read_palette(gradient())
    assert palette.harmony == "achromatic"
    assert (palette.temperature, palette.temperature_word) == (0, "neutral")
    assert palette.contrast > 0.75
    assert palette.colourfulness < 0.01
    assert len(palette.swatches) >= 5


def test_temperature_follows_the_hue() -> None:
    assert read_palette(two_halves((250, 140, 40), (200, 60, 20))).temperature > 0.8
    assert read_palette(two_halves((20, 90, 200), (80, 170, 240))).temperature < -0.8
    assert read_palette(photograph("coffee")).temperature_word == "warm"
    assert read_palette(photograph("rocket")).temperature_word == "cool"


def test_contrast_follows_the_lightness_span() -> None:
    spans = [
        read_palette(two_halves((128 - step, 128 - step, 128 - step), (128 + step, 128 + step, 128 + step))).contrast
        for step in (5, 30, 80, 120)
    ]
    assert spans == sorted(spans)
    assert spans[-1] > 5 * spans[0]


@pytest.mark.parametrize(
    ("colours", "harmony"),
    [
        (("navy", "royal blue", "blue"), "monochromatic"),
        (("yellow", "orange"), "analogous"),
        (("orange", "azure"), "complementary"),
        (("red", "green"), "complementary"),
        (("red", "yellow", "blue"), "triadic"),
        (("black", "grey", "white"), "achromatic"),
        (("white", "red"), "monochromatic"),
    ],
)
def test_harmonies_are_named_as_painters_name_them(colours: tuple[str, ...], harmony: str) -> None:
    assert read_palette(stripes(*colours)).harmony == harmony


def test_opposite_colours_face_each_other_on_the_wheel() -> None:
    assert wheel_angle((1, 0, 0)) == 0
    assert wheel_angle((0, 1, 0)) == 180
    assert abs(wheel_angle((0, 0, 1)) - wheel_angle((1, 0.5, 0))) == 180


def test_a_palette_may_be_shorter_but_not_longer_than_eight() -> None:
    assert len(read_palette(photograph("astronaut"), 3).swatches) <= 3
    with pytest.raises(ValueError, match=r"2\.\.8"):
        read_palette(photograph("astronaut"), 9)
