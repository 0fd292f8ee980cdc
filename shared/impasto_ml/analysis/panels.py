"""The panels of the analysis sheet that show the picture itself: with its thirds, its attention map, its palette."""

import numpy as np
from PIL import Image

from impasto_ml.analysis.composition import Composition
from impasto_ml.analysis.page import ACCENT, GREY, INK, MAT, PAPER, Box, Page
from impasto_ml.analysis.palette import Palette
from impasto_ml.analysis.pixels import Array, luma, resize, shrink, to_array, to_picture
from impasto_ml.analysis.saliency import saliency_map

_HEAT = np.array([[0.99, 0.86, 0.62], [0.93, 0.52, 0.25], [0.69, 0.15, 0.13]], dtype=np.float32)
"""From a little attention to much: sand, amber, carmine."""

_THIRDS = [(1 / 3, 0, 1 / 3, 1), (2 / 3, 0, 2 / 3, 1), (0, 1 / 3, 1, 1 / 3), (0, 2 / 3, 1, 2 / 3)]


def draw_artwork(page: Page, picture: Image.Image, composition: Composition, box: Box) -> Box:
    """The artwork under a thirds grid, with a dot at the centre of visual weight; returns what it covers."""
    page.fill(box, MAT)
    place = page.picture(picture, box.inset(18), 0.5, 0.5)
    page.veil(place, [(float(a), float(b), float(c), float(d)) for a, b, c, d in _THIRDS], 0.5)
    x, y = place.x + composition.centre_x * place.width, place.y + composition.centre_y * place.height
    page.dot(x, y, 8, PAPER)
    page.dot(x, y, 5.5, ACCENT)
    return place


def draw_attention(page: Page, picture: Image.Image, composition: Composition, box: Box) -> None:
    """The artwork in pale grey with its saliency as heat."""
    page.heading(box.x, box.y + 10, "Attention", box.width)
    mat = Box(box.x, box.y + 36, box.width, box.height - 60)
    page.fill(mat, MAT)
    page.picture(attention_picture(picture), mat.inset(12), 0.5, 0.5)
    half = f"Half of the attention lies on {max(1, round((1 - composition.focus) * 50))}% of the area"
    page.text(box.x, box.bottom - 2, half, 12.5, GREY)


def attention_picture(picture: Image.Image, side: int = 704) -> Image.Image:
    """The picture in pale grey, at most `side` px, with its saliency over it from sand to carmine."""
    light = luma(to_array(shrink(picture, side)))
    pale = np.repeat((0.36 + 0.6 * light)[..., None], 3, axis=2) * np.array([1.0, 0.99, 0.965], dtype=np.float32)
    heat = np.maximum(resize(saliency_map(picture), (light.shape[1], light.shape[0])), 0)
    level = np.sqrt(np.clip(heat / max(float(np.percentile(heat, 99.7)), 1e-9), 0, 1))[..., None]
    cover = np.clip(level * 1.6 - 0.12, 0, 0.86)
    tint = _heat_colour(level[..., 0]) * (0.55 + 0.45 * light[..., None])
    return to_picture(pale * (1 - cover) + tint * cover)


def _heat_colour(level: Array) -> Array:
    steps = np.linspace(0, 1, len(_HEAT))
    return np.stack([np.interp(level, steps, _HEAT[:, channel]) for channel in range(3)], axis=2).astype(np.float32)


def draw_palette(page: Page, palette: Palette, box: Box) -> None:
    """A band of the colours by share, and under it each with its name, hex code and share in four columns."""
    mood = f"{palette.temperature_word} · {palette.harmony} · contrast {palette.contrast:.0%}"
    page.heading(box.x, box.y + 10, "Palette", box.width)
    page.text(box.right, box.y + 10, mood, 12.5, GREY, "right")
    x = box.x
    for swatch in palette.swatches:
        width = box.width * swatch.share
        page.fill(Box(x, box.y + 36, width, 52), swatch.hex)
        x += width
    column = box.width / 4
    for index, swatch in enumerate(palette.swatches):
        left, top = box.x + index % 4 * column, box.y + 106 + index // 4 * 44
        page.fill(Box(left, top, 26, 26), swatch.hex, 13, "#d9d4c8")
        page.text(left + 36, top + 11, page.fitted(swatch.name, 13.5, column - 44), 13.5, INK)
        page.text(left + 36, top + 27, f"{swatch.hex}  {swatch.share:.0%}", 11.5, GREY)
