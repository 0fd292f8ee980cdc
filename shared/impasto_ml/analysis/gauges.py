"""The panels of the analysis sheet that show figures: composition, quality, style, safety, tags, nearest works."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from PIL import Image

from impasto_ml.analysis.composition import Composition
from impasto_ml.analysis.page import ACCENT, GREY, HAIR, INK, Box, Page
from impasto_ml.analysis.quality import Quality

if TYPE_CHECKING:  # a sheet is drawn without loading onnxruntime
    from impasto_ml.analysis.safety import SafetyScore

Neighbour = tuple[Image.Image, str, float]
"""A near work, its caption, and its similarity in -1..1 (a cosine); below 0 the bar is empty."""

ROW = 29
"""Height in px of one gauge."""


def draw_composition(page: Page, composition: Composition, box: Box) -> None:
    """Five gauges: thirds, both symmetries, balance, negative space."""
    page.heading(box.x, box.y + 10, "Composition", box.width)
    rows = (
        ("Rule of thirds", composition.thirds),
        ("Mirror, left to right", composition.symmetry_left_right),
        ("Mirror, top to bottom", composition.symmetry_top_bottom),
        ("Balance", composition.balance),
        ("Negative space", composition.negative_space),
    )
    for index, (name, value) in enumerate(rows):
        _gauge(page, box, index, name, value, f"{value:.2f}", room=46)


def draw_quality(page: Page, quality: Quality, box: Box) -> None:
    """A gauge with a word for each measure of quality."""
    page.heading(box.x, box.y + 10, "Quality", box.width)
    page.text(box.right, box.y + 10, f"overall {quality.overall:.2f}", 12.5, GREY, "right")
    rows = (
        ("Sharpness", quality.sharpness),
        ("Noise", quality.noise),
        ("Exposure", quality.exposure),
        ("Compression", quality.blockiness),
        ("Resolution", quality.resolution),
    )
    for index, (name, measure) in enumerate(rows):
        _gauge(page, box, index, name, measure.score, measure.word)


def draw_safety(page: Page, safety: "SafetyScore | None", box: Box) -> None:
    """The probability of being not safe for work, and how far to trust it."""
    page.heading(box.x, box.y + 10, "Safety", box.width)
    if safety is None:
        page.text(box.x, box.y + 48, "Not examined.", 13.5, GREY)
        return
    colour = INK if safety.word == "safe" else ACCENT
    _gauge(page, box, 0, "Not safe for work", safety.nsfw, f"{safety.nsfw:.2f}  {safety.word}", colour)
    page.text(box.x, box.y + 80, "Learnt on photographs: for a drawing it is a hint.", 12.5, GREY)


def draw_style(page: Page, style: Mapping[str, float], unknown: bool, box: Box, most: int = 9) -> None:
    """The likeliest styles with their probabilities, or the statement that the style is not one of the known."""
    page.heading(box.x, box.y + 10, "Style", box.width)
    if not style:
        page.text(box.x, box.y + 48, "Not examined.", 13.5, GREY)
    ranked = sorted(style.items(), key=lambda entry: -entry[1])[:most]
    if unknown:
        page.text(box.right, box.y + 10, "unknown: none is close enough", 12.5, ACCENT, "right")
    for index, (name, value) in enumerate(ranked):
        leads = index == 0 and not unknown
        _gauge(page, box, index, name, value, f"{value:.0%}", ACCENT if leads else GREY if unknown else INK)


def draw_tags(page: Page, tags: Sequence[str], box: Box) -> None:
    """Tags as outlined labels, as many as fit."""
    page.heading(box.x, box.y + 10, "Tags", box.width)
    if not tags:
        page.text(box.x, box.y + 48, "None given.", 13.5, GREY)
    x, y = box.x, box.y + 36
    for tag in tags:
        label = page.fitted(tag, 12.5, box.width - 24)
        width = page.measure(label, 12.5) + 22
        if x + width > box.right:
            x, y = box.x, y + 33
        if y + 26 > box.bottom:
            return
        page.fill(Box(x, y, width, 26), "#ffffff", 13, HAIR)
        page.text(x + 11, y + 17.5, label, 12.5, INK)
        x += width + 8


def draw_neighbours(page: Page, neighbours: Sequence[Neighbour], box: Box, most: int = 5) -> None:
    """The nearest works side by side: each whole, with caption and similarity beside it."""
    page.heading(box.x, box.y + 10, "Nearest works", box.width)
    if not neighbours:
        page.text(box.x, box.y + 60, "No works to compare with yet.", 14, GREY)
    gap, side = 26.0, box.height - 36
    width = (box.width - gap * (most - 1)) / most
    for index, (picture, caption, similarity) in enumerate(neighbours[:most]):
        left, top = box.x + index * (width + gap), box.y + 36
        place = page.picture(picture, Box(left, top, min(side, width * 0.58), side), 0.0, 0.0)
        room = left + width - place.right - 14
        page.text(place.right + 14, top + 17, f"{similarity:.2f}", 21, INK)
        page.bar(Box(place.right + 14, top + 28, room, 3), similarity, ACCENT)
        for line, words in enumerate(page.wrapped(caption, 12.5, room, 4)):
            page.text(place.right + 14, top + 52 + line * 17, words, 12.5, GREY)


def _gauge(
    page: Page, box: Box, index: int, name: str, share: float, words: str, colour: str = INK, room: float = 94
) -> None:
    """One row: name, bar, and words in `room` px at the right; bars begin at the same place in every panel."""
    middle = box.y + 44 + index * ROW
    page.text(box.x, middle + 4.5, page.fitted(name, 13.5, 138), 13.5, INK)
    page.bar(Box(box.x + 146, middle - 3, box.width - 146 - room, 6), share, colour)
    page.text(box.right, middle + 4.5, words, 12.5, GREY if colour != ACCENT else ACCENT, "right")
