"""Copies of a drawing in other colours: colour words are learnt apart from the things that usually have them."""

from __future__ import annotations

import colorsys
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from impasto_ml.data.scenes import COLOURS

# Black has no hue, and a turned hue makes no pink.
_HUES: Final = {
    name: colorsys.rgb_to_hsv(*(channel / 255 for channel in colour))[0] * 360
    for name, colour in COLOURS.items()
    if name not in ("black", "pink")
}
_BAND_DEGREES: Final = 24.0
_SATURATED: Final = 70
_DOMINANT: Final = 0.7
_ENOUGH: Final = 0.08


def dominant_colour(picture: Image.Image) -> tuple[str, float] | None:
    """The colour word for the hue that most of the coloured pixels share, and that hue in degrees; None if mixed."""
    hue, saturation, _ = _channels(picture)
    coloured = saturation > _SATURATED
    if coloured.mean() < _ENOUGH:
        return None
    degrees = hue[coloured] * (360 / 256)
    found: dict[str, float] = {}
    for name, target in _HUES.items():
        away = (degrees - target + 180) % 360 - 180
        near = np.abs(away) < _BAND_DEGREES
        if near.mean() >= _DOMINANT:
            found[name] = float(np.median(away[near]))
    if not found:
        return None
    # Bands overlap, orange's with yellow's: the word whose hue is nearer counts.
    best = min(found, key=lambda name: abs(found[name]))
    return best, _HUES[best] + found[best]


def recoloured(picture: Image.Image, centre_degrees: float, colour: str) -> Image.Image:
    """The same drawing with its dominant hue turned to that of `colour`."""
    hue, saturation, value = _channels(picture)
    turn = (_HUES[colour] - centre_degrees) * 256 / 360
    turned = (hue.astype(np.float32) + turn) % 256
    if colour in ("yellow", "orange"):
        # Dark yellow is not called yellow.
        value = np.where(saturation > _SATURATED, 255 - (255 - value.astype(np.float32)) * 0.35, value)
    channels = [Image.fromarray(channel.astype(np.uint8)) for channel in (turned, saturation, value)]
    return Image.merge("HSV", channels).convert("RGB")


def other_colours(colour: str) -> list[str]:
    """The colours that a drawing in `colour` is turned to."""
    return [name for name in _HUES if name != colour]


def _channels(picture: Image.Image) -> tuple[NDArray[np.uint8], NDArray[np.uint8], NDArray[np.uint8]]:
    hue, saturation, value = np.asarray(picture.convert("HSV")).transpose(2, 0, 1)
    return hue, saturation, value
