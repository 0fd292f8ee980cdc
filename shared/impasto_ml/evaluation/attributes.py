"""Reads procedural scenes without any learning: which colour, which shape, at which place.

A judge that was never trained cannot share a blind spot with what it judges. It expects one thing on white ground.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from impasto_ml.analysis.pixels import to_array, to_oklab
from impasto_ml.data.scenes import COLOURS, PLACES, SHAPES, outline_of
from impasto_ml.evaluation.silhouettes import Mask, eroded, silhouette

SIDE_PX: Final = 64
# Of 255: how much darker than white in some channel a pixel of a thing is. Half-covered pixels of pale pink are.
_FOREGROUND: Final = 48 / 255
_LEAST_PIXELS: Final = 24
# Lightness tells hues apart badly under shading, and no colour but black is without chroma.
_LIGHTNESS_WEIGHT: Final = 0.35
# Templates and masks are compared in a square of this side, at this area.
_GRID: Final = 40
_AREA: Final = 400.0
_SCALES: Final = (0.94, 1.0, 1.06)
_SHIFTS: Final = (-1.0, 0.0, 1.0)
_LEAST_OVERLAP: Final = 0.6


@dataclass(frozen=True, slots=True)
class Reading:
    """What a picture shows; None where nothing can be told. `overlap`: intersection over union with that shape."""

    colour: str | None
    shape: str | None
    place: str | None
    overlap: float = 0.0


def read(picture: Image.Image) -> Reading:
    """Of an RGB picture of any size: one thing on white. Several things, or none, have neither shape nor place."""
    small = picture.convert("RGB").resize((SIDE_PX, SIDE_PX), Image.Resampling.BOX)
    rgb = to_array(small)
    ink: Mask = (1 - rgb.min(axis=2)) > _FOREGROUND
    if ink.sum() < _LEAST_PIXELS:
        return Reading(None, None, None)
    colour = _colour(rgb, ink)
    filled = silhouette(ink)
    if filled is None:
        return Reading(colour, None, None)
    rows, columns = np.nonzero(filled)
    centre = (float(columns.mean()) + 0.5) / SIDE_PX, (float(rows.mean()) + 0.5) / SIDE_PX
    shape, overlap = _shape(filled)
    return Reading(colour, shape if overlap >= _LEAST_OVERLAP else None, _place(centre), overlap)


def _colour(rgb: NDArray[np.float32], ink: Mask) -> str:
    """The nearest colour to the median of the pixels; those at the edge are mixed with white and do not count."""
    inside = eroded(ink)
    seen = to_oklab(rgb[inside if inside.sum() >= _LEAST_PIXELS else ink])
    away = (np.median(seen, axis=0) - _colours()) * np.array([_LIGHTNESS_WEIGHT, 1, 1], np.float32)
    return tuple(COLOURS)[int(np.square(away).sum(axis=1).argmin())]


def _place(centre: tuple[float, float]) -> str:
    return min(PLACES, key=lambda place: sum((a - b) ** 2 for a, b in zip(centre, PLACES[place], strict=True)))


def _shape(filled: Mask) -> tuple[str, float]:
    """The best of the outlines after both are moved to one centre and brought to one area."""
    candidate = _normalised(filled).ravel().astype(np.float32)
    templates = _templates()  # K x V x P
    both = templates @ candidate
    either = templates.sum(axis=2) + candidate.sum() - both
    overlap = (both / either).max(axis=1)
    best = int(overlap.argmax())
    return SHAPES[best], float(overlap[best])


def _normalised(filled: Mask) -> Mask:
    rows, columns = np.nonzero(filled)
    scale = (len(rows) / _AREA) ** 0.5
    middle = (_GRID - 1) / 2
    matrix = (scale, 0, columns.mean() - scale * middle, 0, scale, rows.mean() - scale * middle)
    picture = Image.fromarray(filled.astype(np.uint8) * 255)
    # PIL maps the centres of pixels: half a pixel more on both sides.
    shifted = (matrix[0], 0.0, matrix[2] + (1 - scale) / 2, 0.0, matrix[4], matrix[5] + (1 - scale) / 2)
    moved = picture.transform((_GRID, _GRID), Image.Transform.AFFINE, shifted, Image.Resampling.BILINEAR)
    return np.asarray(moved) > 127


@cache
def _templates() -> NDArray[np.float32]:
    """Every outline in all its small scales and shifts: shapes x variants x pixels, 0 or 1."""
    variants = [(scale, x, y) for scale in _SCALES for x in _SHIFTS for y in _SHIFTS]
    drawn = [[_template(shape, *variant) for variant in variants] for shape in SHAPES]
    return np.array(drawn, dtype=np.float32)


def _template(shape: str, scale: float, right: float, down: float) -> NDArray[Any]:
    points = np.array(outline_of(shape))
    x, y = points[:, 0], points[:, 1]
    cross = x * np.roll(y, -1) - np.roll(x, -1) * y
    area = cross.sum() / 2
    centre = [float(((v + np.roll(v, -1)) * cross).sum() / (6 * area)) for v in (x, y)]
    unit, finer = scale * (_AREA / abs(area)) ** 0.5, 4
    placed = (points - centre) * unit + [_GRID / 2 + right, _GRID / 2 + down]
    canvas = Image.new("L", (_GRID * finer, _GRID * finer), 0)
    ImageDraw.Draw(canvas).polygon([(float(px * finer), float(py * finer)) for px, py in placed], fill=255)
    return (np.asarray(canvas.resize((_GRID, _GRID), Image.Resampling.BOX)) > 127).ravel()


@cache
def _colours() -> NDArray[np.float32]:
    return to_oklab(np.array(list(COLOURS.values()), dtype=np.float32) / np.float32(255))
