"""How a picture is composed: thirds, symmetry, balance, negative space."""

from dataclasses import dataclass

import numpy as np
from PIL import Image

from impasto_ml.analysis.pixels import Array, box_blur, luma, shrink, to_array, to_oklab
from impasto_ml.analysis.saliency import saliency_map

_POINT_SIGMA = 0.09
"""Reach of a power point as a share of the picture's side."""
_FULL_MARKS = 0.55
"""The Gaussian weight that a compact subject right on a power point collects."""
_QUIET_DEVIATION = 0.025
"""Local lightness deviation below which an area holds nothing."""


@dataclass(frozen=True)
class Composition:
    """Figures in 0..1 unless said otherwise.

    `thirds`: 1 for a compact subject on a power point, 0 for an even spread; `on_thirds_lines`: share of visual weight
    within a twenty-fourth of a thirds line; `symmetry_left_right`, `symmetry_top_bottom`: 1 for a mirror image;
    `centre_x`, `centre_y`: centre of visual weight, (0, 0) the upper left corner; `balance`: 1 when it is the middle;
    `negative_space`: share of the area that is quiet; `focus`: 1 when half of the weight lies in one spot.
    """

    thirds: float
    on_thirds_lines: float
    symmetry_left_right: float
    symmetry_top_bottom: float
    centre_x: float
    centre_y: float
    balance: float
    negative_space: float
    focus: float


def read_composition(picture: Image.Image, saliency: Array | None = None) -> Composition:
    """The composition of a picture; `saliency` is its `saliency_map` where that is known already."""
    weight = saliency_map(picture) if saliency is None else saliency
    y, x = (axis + 0.5 for axis in np.indices(weight.shape, dtype=np.float32))
    y, x = y / weight.shape[0], x / weight.shape[1]
    centre_x, centre_y = float((weight * x).sum()), float((weight * y).sum())
    small = to_array(shrink(picture, 160))
    lab = to_oklab(small)
    ordered = np.cumsum(np.sort(weight, axis=None)[::-1])
    figures = {
        "thirds": _thirds(weight, x, y),
        "on_thirds_lines": float(weight[(_to_third(x) < 1 / 24) | (_to_third(y) < 1 / 24)].sum()),
        "symmetry_left_right": _likeness(lab, lab[:, ::-1]),
        "symmetry_top_bottom": _likeness(lab, lab[::-1]),
        "centre_x": centre_x,
        "centre_y": centre_y,
        "balance": max(0.0, 1 - float(np.hypot(centre_x - 0.5, centre_y - 0.5)) / 0.4),
        "negative_space": _quiet_share(luma(small)),
        "focus": 1 - min(1.0, 2 * float(np.searchsorted(ordered, 0.5) + 1) / weight.size),
    }
    return Composition(**{name: round(value, 4) for name, value in figures.items()})


def _thirds(weight: Array, x: Array, y: Array) -> float:
    reach = np.exp(-(_to_third(x) ** 2 + _to_third(y) ** 2) / (2 * _POINT_SIGMA**2))
    even = float(reach.mean())
    return float(np.clip(((weight * reach).sum() - even) / (_FULL_MARKS - even), 0, 1))


def _to_third(position: Array) -> Array:
    return np.asarray(np.minimum(np.abs(position - 1 / 3), np.abs(position - 2 / 3)), dtype=np.float32)


def _likeness(lab: Array, mirrored: Array) -> float:
    """Correlation over all three channels, negative ones as 0; a picture of one colour is like its mirror image."""
    spread = float(((lab - lab.mean(axis=(0, 1))) ** 2).sum())
    if spread < 1e-4:
        return 1.0
    return max(0.0, 1 - float(((lab - mirrored) ** 2).sum()) / (2 * spread))


def _quiet_share(light: Array) -> float:
    radius = max(1, round(max(light.shape) / 40))
    mean = box_blur(light, radius)
    deviation = np.sqrt(np.maximum(box_blur(light * light, radius) - mean * mean, 0))
    return float((deviation < _QUIET_DEVIATION).mean())
