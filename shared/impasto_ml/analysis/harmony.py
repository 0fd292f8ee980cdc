"""The harmony of a palette on the painter's colour wheel: which hues stand in which relation."""

import colorsys
from itertools import combinations
from typing import Literal

import numpy as np

from impasto_ml.analysis.pixels import Array

Harmony = Literal["achromatic", "monochromatic", "analogous", "complementary", "triadic", "varied"]

_HSV_HUE = (0.0, 30.0, 60.0, 120.0, 180.0, 240.0, 300.0, 360.0)
_WHEEL = (0.0, 60.0, 120.0, 180.0, 210.0, 240.0, 300.0, 360.0)
"""HSV hue to the red-yellow-blue wheel, on which red faces green, blue faces orange and yellow faces purple."""

_LEAST_CHROMA = 0.045
_GROUP_WITHIN = 40.0
"""Hues within so many degrees count as one."""


def wheel_angle(rgb: tuple[float, float, float]) -> float:
    """Degrees in 0..360 on the red-yellow-blue wheel of an sRGB colour in 0..1; red is 0."""
    return float(np.interp(colorsys.rgb_to_hsv(*rgb)[0] * 360, _HSV_HUE, _WHEEL)) % 360


def harmony_of(rgb: Array, chroma: Array, shares: Array) -> Harmony:
    """The relation of the chromatic colours among `rgb` (n, 3) with Oklab `chroma` (n,) and `shares` (n,).

    Hues are grouped, groups with less than a twelfth of the colour weight (share times chroma) do not count.
    """
    weight = np.where(chroma >= _LEAST_CHROMA, shares * chroma, 0)
    if float(shares[chroma >= _LEAST_CHROMA].sum()) < 0.02:
        return "achromatic"
    angles = [wheel_angle((float(r), float(g), float(b))) for r, g, b in rgb]
    groups = _groups(angles, [float(value) for value in weight])
    gaps = [_gap(a, b) for a, b in combinations(groups, 2)]
    if not gaps:
        return "monochromatic"
    if max(gaps) <= 95:
        return "analogous"
    if len(groups) == 2 and gaps[0] >= 145:
        return "complementary"
    if len(groups) == 3 and min(gaps) >= 90:
        return "triadic"
    if len(groups) == 3 and max(gaps) >= 145 and min(gaps) <= 60:
        return "complementary"
    return "varied"


def _groups(angles: list[float], weights: list[float]) -> list[float]:
    """The angles of the groups' heaviest members."""
    heads: list[list[float]] = []
    for angle, weight in sorted(zip(angles, weights, strict=True), key=lambda pair: -pair[1]):
        if weight <= 0:
            continue
        home = next((head for head in heads if _gap(head[0], angle) <= _GROUP_WITHIN), None)
        if home is None:
            heads.append([angle, weight])
        else:
            home[1] += weight
    total = sum(weight for _, weight in heads)
    return [angle for angle, weight in heads if weight >= total / 12]


def _gap(one: float, other: float) -> float:
    return abs((one - other + 180) % 360 - 180)
