"""Technical quality of a picture file: sharpness, noise, exposure, JPEG blocks, resolution; each a score and a word."""

import math
from dataclasses import dataclass

import numpy as np
from PIL import Image

from impasto_ml.analysis.pixels import Array, luma, shrink, to_array
from impasto_ml.data.pictures import flatten

_VIEWING_SIDE = 1024
_NATIVE_SIDE = 1024
"""Noise and blocks are read from the middle in native pixels: shrinking would average both away."""


@dataclass(frozen=True)
class Measure:
    """`value` in the measure's own unit, `score` in 0 (bad) .. 1 (good), and a word for it."""

    value: float
    score: float
    word: str


@dataclass(frozen=True)
class Quality:
    """`sharpness`: 1 - blur effect; `noise`: standard deviation in 0..255 levels; `exposure`: clipped share of the
    area; `blockiness`: excess of steps on the 8 px grid; `resolution`: megapixels; `overall`: mean of the five scores.
    """

    sharpness: Measure
    noise: Measure
    exposure: Measure
    blockiness: Measure
    resolution: Measure
    overall: float


def read_quality(picture: Image.Image) -> Quality:
    """The technical quality of a picture."""
    source = flatten(picture)
    viewed = luma(to_array(shrink(source, _VIEWING_SIDE)))
    native = viewed if max(source.size) <= _VIEWING_SIDE else luma(to_array(_middle(source)))
    sharpness, noise = 1 - blur_effect(viewed), noise_deviation(native)
    clipped, blocks = clipped_share(viewed), block_excess(native)
    measures = (
        _measure(sharpness, (sharpness - 0.3) / 0.5, ("blurred", "soft", "sharp", "crisp")),
        _measure(noise, 1 - noise / 20, ("very noisy", "noisy", "slight grain", "clean")),
        _measure(clipped, 1 - clipped / 0.3, ("clipped", "partly clipped", "fair", "full range")),
        _measure(blocks, 1 - blocks / 1.0, ("blocky", "visible", "light traces", "none seen")),
        _resolution(source),
    )
    return Quality(*measures, overall=round(sum(measure.score for measure in measures) / len(measures), 4))


def blur_effect(light: Array) -> float:
    """0 (sharp) .. 1 (blurred) of (height, width) luma: how little of its local change another blur would take away.

    Crete et al. 2007, "The blur effect", with a 9 px mean; the worse of both directions.
    """
    worst = 0.0
    for axis in (0, 1):
        if light.shape[axis] < 12:
            continue
        sharp = np.abs(np.diff(light, axis=axis))
        # The mean of 9 px differs between neighbours by what enters minus what leaves.
        blurred = np.abs(_shifted_difference(light, 9, axis)) / 9
        sharp = np.take(sharp, np.arange(4, 4 + blurred.shape[axis]), axis=axis)
        before, lost = float(sharp.sum()), float(np.maximum(0, sharp - blurred).sum())
        worst = max(worst, (before - lost) / before if before > 1e-6 * sharp.size else 1.0)
    return worst


def noise_deviation(light: Array) -> float:
    """Noise in 0..255 levels of (height, width) luma: Immerkær 1996, on the flattest fifth of 16 px blocks.

    Blocks at either end of the range do not count: clipping hides noise.
    """
    if min(light.shape) < 18:
        return 0.0
    rows = light[:-2] - 2 * light[1:-1] + light[2:]
    response = np.abs(rows[:, :-2] - 2 * rows[:, 1:-1] + rows[:, 2:])
    blocks, levels = _blocks(response, 16).mean(axis=(1, 3)), _blocks(light[1:-1, 1:-1], 16).mean(axis=(1, 3))
    usable = blocks[(levels > 0.02) & (levels < 0.98)]
    if not usable.size:
        return 0.0
    return float(np.percentile(usable, 10)) * math.sqrt(math.pi / 2) / 6 * 255


def clipped_share(light: Array) -> float:
    """Share of pixels at either end of the range, of (height, width) luma in 0..1."""
    return float(((light <= 2 / 255) | (light >= 253 / 255)).mean())


def block_excess(light: Array) -> float:
    """By what factor less one the steps at one column or row in eight exceed the usual, of (height, width) luma.

    The grid is looked for at all eight offsets, so a cropped JPEG is found out too.
    """
    return max(_grid_excess(light), _grid_excess(light.T))


def _grid_excess(light: Array) -> float:
    if light.shape[1] < 32:
        return 0.0
    # A step is a difference that its neighbours do not share: a smooth ramp has none.
    change = np.diff(light, axis=1)
    steps = np.abs(change[:, 1:-1] - (change[:, :-2] + change[:, 2:]) / 2)
    # Strong edges are the picture's own; what is clipped here leaves the small steps to decide.
    profile = np.minimum(steps, 0.1).mean(axis=0)
    phases = np.array([profile[offset::8].mean() for offset in range(8)])
    usual = float(np.median(phases))
    return max(0.0, float(phases.max()) / (usual + 2e-4) - 1)


def _resolution(source: Image.Image) -> Measure:
    longest = max(source.size)
    score = np.log2(longest / 128) / np.log2(4096 / 128)
    return _measure(source.width * source.height / 1e6, score, ("thumbnail", "small", "screen size", "print size"))


def _measure(value: float, score: float, words: tuple[str, str, str, str]) -> Measure:
    clipped = min(1.0, max(0.0, float(score)))
    return Measure(round(float(value), 4), round(clipped, 4), words[min(3, int(clipped * 4))])


def _shifted_difference(light: Array, by: int, axis: int) -> Array:
    length = light.shape[axis]
    return np.take(light, np.arange(by, length), axis=axis) - np.take(light, np.arange(length - by), axis=axis)


def _blocks(values: Array, side: int) -> Array:
    rows, columns = values.shape[0] // side, values.shape[1] // side
    return values[: rows * side, : columns * side].reshape(rows, side, columns, side)


def _middle(source: Image.Image) -> Image.Image:
    width, height = min(source.width, _NATIVE_SIDE), min(source.height, _NATIVE_SIDE)
    left, top = (source.width - width) // 2, (source.height - height) // 2
    return source.crop((left, top, left + width, top + height))
