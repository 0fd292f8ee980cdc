"""The sheet: a page of fixed size that shows what it is given."""

import numpy as np
import pytest
from PIL import Image

from impasto_ml.analysis.artwork import analyse
from impasto_ml.analysis.page import Page
from impasto_ml.analysis.panels import attention_picture
from impasto_ml.analysis.sheet import draw_sheet

from .pictures import disc_at, photograph


def pixels(sheet: Image.Image) -> np.ndarray:
    return np.asarray(sheet, dtype=int)


@pytest.mark.parametrize("size", [(600, 400), (90, 700), (900, 60), (8, 8)])
def test_the_page_has_its_size_and_its_margins_whatever_the_picture(size: tuple[int, int]) -> None:
    picture = photograph("coffee").resize(size)
    neighbours = [(picture, "A caption that is far too long for the little room beside its picture " * 3, 0.5)] * 7
    sheet = draw_sheet(picture, analyse(picture), neighbours, {"Ink": 0.6}, ["tag"] * 60, title="Long title " * 40)
    assert sheet.size == (1600, 1100)
    paper = pixels(sheet)[0, 0]
    for margin in (np.s_[:, :70], np.s_[:, -70:], np.s_[:50], np.s_[-50:]):
        assert (pixels(sheet)[margin] == paper).all()


def test_the_palette_band_shows_the_colours_by_share() -> None:
    picture = Image.new("RGB", (200, 100), (255, 0, 0))
    picture.paste((0, 0, 255), (0, 0, 50, 100))
    band = pixels(draw_sheet(picture, analyse(picture)))[690, 76:716]
    assert (band == (255, 0, 0)).all(axis=1).mean() == pytest.approx(0.75, abs=0.01)
    assert (band == (0, 0, 255)).all(axis=1).mean() == pytest.approx(0.25, abs=0.01)


@pytest.mark.parametrize(
    ("changed", "where"),
    [
        ({"style": {"Ink": 0.9, "unknown": False}}, np.s_[132:460, 1176:]),
        ({"style": {"Ink": 0.4, "unknown": True}}, np.s_[132:460, 1176:]),
        ({"tags": ["portrait"]}, np.s_[690:840, 770:1130]),
        ({"neighbours": [(disc_at(0.5, 0.5), "Disc", 0.8)]}, np.s_[860:1050]),
        ({"title": "Rain"}, np.s_[50:110]),
    ],
)
def test_each_part_appears_in_its_own_place(changed: dict[str, object], where: tuple[slice, ...]) -> None:
    picture = photograph("chelsea")
    analysis = analyse(picture)
    plain = pixels(draw_sheet(picture, analysis, style={"Ink": 0.4}))
    other = pixels(draw_sheet(picture, analysis, **({"style": {"Ink": 0.4}} | changed)))  # type: ignore[arg-type]
    assert (plain[where] != other[where]).any()
    elsewhere = np.ones(plain.shape[:2], dtype=bool)
    elsewhere[where] = False
    assert (plain[elsewhere] == other[elsewhere]).all()


def test_attention_is_coloured_where_the_subject_is() -> None:
    attention = np.asarray(attention_picture(disc_at(0.7, 0.4)), dtype=float)
    warmth = attention[..., 0] - attention[..., 2]
    height, width = warmth.shape
    assert warmth[int(0.4 * height), int(0.7 * width)] > 60
    assert warmth[int(0.9 * height), int(0.1 * width)] < 15


def test_long_words_are_cut_to_their_room() -> None:
    page = Page(400, 100)
    assert page.fitted("short", 12, 200) == "short"
    cut = page.fitted("a caption without an end " * 4, 12, 120)
    assert cut.endswith("…")
    assert page.measure(cut, 12) <= 120
    lines = page.wrapped("one two three four five six seven eight nine ten", 12, 60, 3)
    assert len(lines) == 3
    assert all(page.measure(line, 12) <= 60 for line in lines)


def test_figures_outside_their_range_are_refused() -> None:
    picture = disc_at(0.5, 0.5)
    analysis = analyse(picture)
    with pytest.raises(ValueError, match="probabilities"):
        draw_sheet(picture, analysis, style={"Ink": 1.2})
    with pytest.raises(ValueError, match="similarities"):
        draw_sheet(picture, analysis, [(picture, "Disc", -1.5)])
