"""The colours of a picture: the dominant ones with names and shares, temperature, contrast, harmony."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from PIL import Image

from impasto_ml.analysis.colour_names import name_colours
from impasto_ml.analysis.harmony import Harmony, harmony_of
from impasto_ml.analysis.pixels import Array, from_oklab, to_oklab
from impasto_ml.data.pictures import flatten

_SAMPLE_SIDE = 192
_MERGE_WITHIN = 0.045
"""Oklab distance under which two clusters are one colour to a viewer."""
_LEAST_SHARE = 0.01
_WARM_HUE = np.radians(55.0)
"""Oklab hue of orange; its opposite is the blue that painters call cold."""


@dataclass(frozen=True)
class Swatch:
    """One dominant colour: its name, `#rrggbb`, and the share of the picture in 0..1 that is nearest to it."""

    name: str
    hex: str
    share: float


@dataclass(frozen=True)
class Palette:
    """Up to eight swatches, largest first, shares summing to 1.

    `temperature` in -1 (cold) .. 1 (warm), 0 for greys; `contrast` in 0..1 is the lightness span between the darkest
    and the lightest twentieth; `colourfulness` in 0..1 is the mean Oklab chroma over 0.25.
    """

    swatches: tuple[Swatch, ...]
    temperature: float
    temperature_word: Literal["warm", "cool", "neutral"]
    contrast: float
    colourfulness: float
    harmony: Harmony


def read_palette(picture: Image.Image, most: int = 8) -> Palette:
    """The palette of a picture, at most `most` (2..8) colours; fewer where the picture has fewer.

    Weighted k-means in Oklab over a 15-bit histogram, with a deterministic farthest-point start.

    Raises:
        ValueError: `most` outside 2..8.
    """
    if not 2 <= most <= 8:
        raise ValueError(f"most must be within 2..8, not {most}")
    colours, weights = _histogram(picture)
    lab = to_oklab(colours)
    centres, shares = _merge(*_cluster(lab, weights, most))
    rgb = (from_oklab(centres) * 255 + 0.5).astype(int)
    swatches = tuple(
        Swatch(name, f"#{r:02x}{g:02x}{b:02x}", round(float(share), 4))
        for name, (r, g, b), share in zip(name_colours(centres), rgb, shares, strict=True)
    )
    temperature = _temperature(lab, weights)
    order = np.argsort(lab[:, 0])
    spread = np.interp([0.05, 0.95], np.cumsum(weights[order]), lab[order, 0])
    chroma = float(np.hypot(lab[:, 1], lab[:, 2]) @ weights)
    return Palette(
        swatches=swatches,
        temperature=round(temperature, 4),
        temperature_word="warm" if temperature > 0.1 else "cool" if temperature < -0.1 else "neutral",
        contrast=round(float(np.clip(spread[1] - spread[0], 0, 1)), 4),
        colourfulness=round(min(1.0, chroma / 0.25), 4),
        harmony=harmony_of(from_oklab(centres), np.hypot(centres[:, 1], centres[:, 2]), shares),
    )


def _histogram(picture: Image.Image) -> tuple[Array, Array]:
    """Mean colour (n, 3) and share (n,) of each occupied cell of a 32 x 32 x 32 histogram.

    Pixels are picked, not averaged: averaging invents the colours between two flat areas.
    """
    source = flatten(picture)
    scale = min(1.0, _SAMPLE_SIDE / max(source.size))
    size = max(1, round(source.width * scale)), max(1, round(source.height * scale))
    pixels = np.asarray(source.resize(size, Image.Resampling.NEAREST)).reshape(-1, 3)
    cells = (pixels >> 3).astype(np.int32) @ np.array([1024, 32, 1])
    _, where, counts = np.unique(cells, return_inverse=True, return_counts=True)
    sums = np.stack([np.bincount(where, pixels[:, channel]) for channel in range(3)], axis=1)
    return (sums / counts[:, None] / 255).astype(np.float32), (counts / len(pixels)).astype(np.float32)


def _cluster(lab: Array, weights: Array, most: int) -> tuple[Array, Array]:
    centres = [lab[np.argmax(weights)]]
    for _ in range(min(most, len(lab)) - 1):
        gap = np.min([np.sum((lab - centre) ** 2, axis=1) for centre in centres], axis=0)
        # The root of the weight lets a small accent win against a large area without chasing single pixels.
        centres.append(lab[np.argmax(gap * np.sqrt(weights))])
    means = np.stack(centres)
    shares = np.zeros(len(means), dtype=np.float32)
    for _ in range(12):
        nearest = np.argmin(((lab[:, None] - means[None]) ** 2).sum(axis=2), axis=1)
        shares = np.bincount(nearest, weights, minlength=len(means)).astype(np.float32)
        for channel in range(3):
            total = np.bincount(nearest, weights * lab[:, channel], minlength=len(means))
            means[:, channel] = np.where(shares > 0, total / np.maximum(shares, 1e-9), means[:, channel])
    return means, shares


def _merge(centres: Array, shares: Array) -> tuple[Array, Array]:
    """Clusters that look alike joined, slivers dropped, the rest by share."""
    kept: list[tuple[Array, float]] = []
    for index in np.argsort(-shares, kind="stable"):
        centre, share = centres[index], float(shares[index])
        near = next((i for i, (other, _) in enumerate(kept) if np.linalg.norm(other - centre) < _MERGE_WITHIN), None)
        if near is not None:
            other, owned = kept[near]
            kept[near] = ((other * owned + centre * share) / (owned + share), owned + share)
        elif share >= _LEAST_SHARE or not kept:
            kept.append((centre, share))
    kept.sort(key=lambda entry: -entry[1])
    total = sum(share for _, share in kept)
    return np.stack([centre for centre, _ in kept]), np.array([share / total for _, share in kept], dtype=np.float32)


def _temperature(lab: Array, weights: Array) -> float:
    """Chroma-weighted mean of the hue's cosine to orange, faded to 0 as the picture turns grey."""
    chroma = np.hypot(lab[:, 1], lab[:, 2])
    mean = float(chroma @ weights)
    if mean < 1e-4:
        return 0.0
    warm = np.cos(np.arctan2(lab[:, 2], lab[:, 1]) - _WARM_HUE)
    return float((warm * chroma) @ weights) / mean * min(1.0, mean / 0.03)
