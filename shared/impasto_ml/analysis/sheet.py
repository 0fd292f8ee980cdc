"""The analysis of an artwork as one designed page: a picture to look at, print, or send on."""

from collections.abc import Mapping, Sequence

from PIL import Image

from impasto_ml.analysis.artwork import ArtworkAnalysis
from impasto_ml.analysis.gauges import (
    Neighbour,
    draw_composition,
    draw_neighbours,
    draw_quality,
    draw_safety,
    draw_style,
    draw_tags,
)
from impasto_ml.analysis.page import GREY, INK, Box, Page
from impasto_ml.analysis.panels import draw_artwork, draw_attention, draw_palette

WIDTH, HEIGHT = 1600, 1100
_MARGIN, _GAP = 76, 56
_LEFT = 640
_NARROW = (WIDTH - 2 * _MARGIN - 2 * _GAP - _LEFT) / 2
_TOP = 132


def draw_sheet(
    picture: Image.Image,
    analysis: ArtworkAnalysis,
    neighbours: Sequence[Neighbour] = (),
    style: Mapping[str, float | bool] | None = None,
    tags: Sequence[str] = (),
    *,
    title: str = "Untitled",
    font_path: str | None = None,
) -> Image.Image:
    """A page of 1600 x 1100 px.

    `neighbours`: up to five (picture, caption, cosine similarity in -1..1), nearest first. `style`: probabilities in
    0..1 by label, and under the key "unknown" whether none of them is near enough. `font_path`: a font file for
    captions in scripts that Pillow's own font lacks.

    Raises:
        ValueError: a probability outside 0..1 or a similarity outside -1..1.
    """
    chances, unknown = _split_style(style or {})
    if any(not 0 <= value <= 1 for value in chances.values()):
        raise ValueError(f"probabilities lie in 0..1: {chances}")
    if any(not -1 <= similarity <= 1 for _, _, similarity in neighbours):
        raise ValueError("similarities lie in -1..1")
    page = Page(WIDTH, HEIGHT, font_path)
    _draw_header(page, analysis, title)
    middle, right = _MARGIN + _LEFT + _GAP, WIDTH - _MARGIN - _NARROW
    draw_artwork(page, picture, analysis.composition, Box(_MARGIN, _TOP, _LEFT, 462))
    draw_palette(page, analysis.palette, Box(_MARGIN, 632, _LEFT, 190))
    draw_attention(page, picture, analysis.composition, Box(middle, _TOP, _NARROW, 318))
    draw_composition(page, analysis.composition, Box(middle, 482, _NARROW, 190))
    draw_tags(page, tags, Box(middle, 700, _NARROW, 130))
    draw_style(page, chances, unknown, Box(right, _TOP, _NARROW, 190))
    draw_quality(page, analysis.quality, Box(right, 482, _NARROW, 190))
    draw_safety(page, analysis.safety, Box(right, 700, _NARROW, 130))
    draw_neighbours(page, neighbours, Box(_MARGIN, 868, WIDTH - 2 * _MARGIN, 172))
    return page.finish()


def _draw_header(page: Page, analysis: ArtworkAnalysis, title: str) -> None:
    page.text(_MARGIN, 88, page.fitted(title, 30, 1000), 30, INK)
    size = f"{analysis.width} by {analysis.height} px"
    page.text(WIDTH - _MARGIN, 88, f"{size}  ·  {analysis.quality.resolution.value:.1f} MP", 14, GREY, "right")


def _split_style(style: Mapping[str, float | bool]) -> tuple[dict[str, float], bool]:
    return {name: float(value) for name, value in style.items() if name != "unknown"}, bool(style.get("unknown", False))
