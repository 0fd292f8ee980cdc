"""Two pictures that the demonstration paints itself, to be used as styles: strokes in a wind, and carved waves."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

SIDE_PX: Final = 512
FIELDS: Final = {
    "artist": "Impasto demonstration",
    "licence": "CC0-1.0",
    "medium": "procedural painting",
    "consent": "granted",
    "provenance": "painted by deploy/demo/impasto_demo/paintings.py",
}
Colour = tuple[int, int, int]
_SKY: Final = ((0.0, (38, 52, 104)), (0.3, (94, 98, 158)), (0.48, (232, 146, 108)), (0.6, (250, 206, 120)))
_LAND: Final = ((0.6, (120, 92, 96)), (0.72, (74, 84, 78)), (1.0, (32, 44, 52)))
_SUN: Final = (0.66, 0.5, 0.085)
_PAPER, _INK, _PALE = (240, 230, 206), (22, 50, 92), (122, 164, 186)


def paint(folder: Path) -> dict[str, Path]:
    """Paints what is not there yet; the files by their title."""
    folder.mkdir(parents=True, exist_ok=True)
    works: dict[str, tuple[str, Callable[[], Image.Image]]] = {
        "Evening wind": ("evening-wind.png", brush_strokes),
        "Carved sea": ("carved-sea.png", carved_waves),
    }
    for name, painter in works.values():
        if not (folder / name).is_file():
            painter().save(folder / name)
    return {title: folder / name for title, (name, _) in works.items()}


def brush_strokes(side_px: int = SIDE_PX, seed: int = 7) -> Image.Image:
    """An evening over hills: thousands of short strokes that follow one wind, broad ones first, thin ones on top."""
    random = np.random.default_rng(seed)
    canvas = _underpainting(side_px)
    pen = ImageDraw.Draw(canvas)
    wind = _wind(side_px, random)
    for width, length, count in ((20, 60, 900), (11, 42, 2600), (6, 30, 4200), (3, 20, 2600)):
        scale = side_px / 512
        for x, y in random.uniform(-0.12 * side_px, side_px, (round(count * 1.25), 2)):
            colour = _jitter(_evening(x / side_px, y / side_px), random)
            _stroke(pen, wind, x, y, length * scale, max(1, round(width * scale)), colour, random)
    return canvas.filter(ImageFilter.SMOOTH)


def carved_waves(side_px: int = SIDE_PX, seed: int = 3) -> Image.Image:
    """A sea in two blues on cream paper: carved parallel lines that swell and taper, as a woodblock prints them."""
    random = np.random.default_rng(seed)
    scale = 2
    size = side_px * scale
    y, x = np.mgrid[0:size, 0:size].astype(np.float64) / size
    swell = 0.06 * np.sin(6.3 * x + 9 * y + 0.4) + 0.035 * np.sin(15 * x - 7 * y) + 0.012 * np.sin(41 * x + 13 * y)
    depth = y + swell
    lines = np.sin(2 * np.pi * depth * 25)
    weight = 0.15 + 0.75 * np.sin(2.6 * x + 5.2 * y + 1.1 + 6 * swell)
    pixels = np.empty((size, size, 3), np.float64)
    pixels[:] = _PAPER
    pixels[lines < weight * 0.85] = _PALE
    pixels[lines < weight - 0.35] = _INK
    crest = np.abs(np.mod(depth * 3.1 + 0.04 * np.sin(60 * x), 1) - 0.5) < 0.05
    pixels[crest] = _PAPER
    pixels[np.abs(np.mod(depth * 3.1 + 0.04 * np.sin(60 * x), 1) - 0.44) < 0.012] = _INK
    sky = depth < 0.17
    pixels[sky] = np.where((np.sin(2 * np.pi * y[sky] * 46) > 0.55 + 4 * y[sky])[:, None], _PALE, _PAPER)
    pixels[(x - 0.74) ** 2 + (y - 0.1) ** 2 < 0.0032] = (196, 72, 48)
    pixels += random.normal(0, 5, (size, size, 1))
    carved = Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))
    return carved.resize((side_px, side_px), Image.Resampling.LANCZOS)


def _underpainting(side_px: int, cells: int = 64) -> Image.Image:
    small = Image.new("RGB", (cells, cells))
    for row in range(cells):
        for column in range(cells):
            small.putpixel((column, row), _evening(column / cells, row / cells))
    return small.resize((side_px, side_px), Image.Resampling.BICUBIC)


def _wind(side_px: int, random: np.random.Generator) -> NDArray[np.float64]:
    """Directions in radians, side x side: a calm drift with a few whirls in the sky."""
    y, x = np.mgrid[0:side_px, 0:side_px] / side_px
    angle = 0.25 * np.sin(5 * x + 1.0) - 0.2 * np.cos(7 * y)
    for cx, cy, strength in ((0.24, 0.22, 1.0), (0.74, 0.18, -0.9), (_SUN[0], _SUN[1], 0.8)):
        near = np.exp(-(((x - cx) ** 2 + (y - cy) ** 2) / (0.02 + 0.006 * random.random())))
        around = np.arctan2(y - cy, x - cx) + np.pi / 2
        angle = (1 - near) * angle + near * np.where(strength > 0, around, around + np.pi)
    land = y > 0.57
    directions: NDArray[np.float64] = np.where(land, 0.5 * np.sin(6.5 * x) * (1.3 - y) + 0.1, angle)
    return directions


def _evening(x: float, y: float) -> Colour:
    hill = 0.6 + 0.035 * np.sin(7 * x) + 0.02 * np.sin(17 * x + 1)
    distance = float(np.hypot(x - _SUN[0], y - _SUN[1]))
    if y < hill and distance < _SUN[2]:
        return (255, 236, 170)
    if y < hill and distance < 2.1 * _SUN[2]:
        return (252, 190, 104)
    return _between(_LAND if y >= hill else _SKY, y)


def _between(stops: tuple[tuple[float, Colour], ...], at: float) -> Colour:
    places = [place for place, _ in stops]
    red, green, blue = (float(np.interp(at, places, [colour[i] for _, colour in stops])) for i in range(3))
    return (round(red), round(green), round(blue))


def _jitter(colour: Colour, random: np.random.Generator) -> Colour:
    light = random.normal(0, 14)
    red, green, blue = (int(np.clip(part + light + random.normal(0, 9), 0, 255)) for part in colour)
    return (red, green, blue)


def _stroke(
    pen: ImageDraw.ImageDraw,
    wind: NDArray[np.float64],
    x: float,
    y: float,
    length: float,
    width: int,
    colour: Colour,
    random: np.random.Generator,
) -> None:
    side = len(wind)
    points = [(x, y)]
    step = length / 5
    for _ in range(5):
        angle = wind[int(np.clip(y, 0, side - 1)), int(np.clip(x, 0, side - 1))]
        x, y = x + step * float(np.cos(angle)), y + step * float(np.sin(angle))
        points.append((x, y))
    pen.line(points, fill=colour, width=width, joint="curve")
    # A lighter bristle line beside the stroke is what makes it read as thick paint.
    if width > 4 and random.random() < 0.7:
        edge = tuple(min(255, part + 26) for part in colour)
        shift = width * 0.32
        pen.line([(px, py - shift) for px, py in points], fill=edge, width=max(1, width // 6), joint="curve")
