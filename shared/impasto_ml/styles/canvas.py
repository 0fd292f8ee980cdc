"""The artwork network on any size: the whole picture for colour and light, overlapping windows for strokes."""

from collections.abc import Iterator

import numpy as np

from impasto_ml.analysis.pixels import Array, blur, resize
from impasto_ml.styles.networks import WINDOW, Networks

OVERLAP = 96
"""Least overlap in px of neighbouring windows; two of them fade into one another across it."""

MARGIN = 24
"""Mirrored px drawn around the picture and cut off again: the networks leave lines along their input's border."""

_LIGHT_SIGMA = 20.0
"""What is coarser than this many px comes from the whole picture, what is finer from the windows."""


def draw_any_size(networks: Networks, rgb: Array, code: Array) -> Array:
    """`rgb` (height, width, 3) in 0..1 in the style of `code`, in its own size.

    The network normalises over its input (instance normalisation), so windows drawn alone disagree in colour. Their
    low frequencies are replaced by those of the whole picture drawn once: a two-band blend (Burt and Adelson 1983).
    """
    framed = _frame(rgb)
    return np.ascontiguousarray(_draw_framed(networks, framed, code)[_inside(rgb)])


def draw_builtin(networks: Networks, rgb: Array, weights: Array) -> Array:
    """`rgb` (height, width, 3) in 0..1 in the blend of built-in styles given by `weights` (26,), in its own size."""
    return np.ascontiguousarray(networks.draw_builtin(_frame(rgb), weights)[_inside(rgb)])


def _frame(rgb: Array) -> Array:
    return np.pad(rgb, ((MARGIN, MARGIN), (MARGIN, MARGIN), (0, 0)), mode="symmetric")


def _inside(rgb: Array) -> tuple[slice, slice]:
    height, width = rgb.shape[:2]
    return slice(MARGIN, MARGIN + height), slice(MARGIN, MARGIN + width)


def _draw_framed(networks: Networks, rgb: Array, code: Array) -> Array:
    height, width = rgb.shape[:2]
    whole = _draw_whole(networks, rgb, code)
    if max(height, width) <= WINDOW:
        return whole
    padded = np.pad(rgb, ((0, max(0, WINDOW - height)), (0, max(0, WINDOW - width)), (0, 0)), mode="symmetric")
    strokes = np.zeros_like(padded)
    total = np.zeros((*padded.shape[:2], 1), dtype=np.float32)
    fade = _fade()
    for top, left in windows(padded.shape[0], padded.shape[1]):
        place = np.s_[top : top + WINDOW, left : left + WINDOW]
        drawn = networks.draw(np.ascontiguousarray(padded[place]), code)
        strokes[place] += (drawn - blur(drawn, _LIGHT_SIGMA)) * fade
        total[place] += fade
    return np.clip(blur(whole, _LIGHT_SIGMA) + (strokes / total)[:height, :width], 0, 1)


def windows(height: int, width: int) -> Iterator[tuple[int, int]]:
    """(top, left) of evenly spread windows that cover a picture of at least WINDOW px a side."""
    for top in _starts(height):
        for left in _starts(width):
            yield top, left


def _starts(length: int) -> list[int]:
    count = 1 + max(0, -(-(length - WINDOW) // (WINDOW - OVERLAP)))
    return [round(step * (length - WINDOW) / max(1, count - 1)) for step in range(count)]


def _fade() -> Array:
    """(384, 384, 1) weights that fall to almost nothing at the window's border."""
    distance = np.minimum(np.arange(WINDOW) + 1, WINDOW - np.arange(WINDOW)) / OVERLAP
    ramp = np.sin(np.pi / 2 * np.minimum(1, distance)) ** 2
    return np.outer(ramp, ramp).astype(np.float32)[..., None]


def _draw_whole(networks: Networks, rgb: Array, code: Array) -> Array:
    height, width = rgb.shape[:2]
    scale = WINDOW / max(height, width)
    small_h, small_w = max(1, round(height * scale)), max(1, round(width * scale))
    small = np.clip(resize(rgb, (small_w, small_h)), 0, 1)
    square = np.pad(small, ((0, WINDOW - small_h), (0, WINDOW - small_w), (0, 0)), mode="symmetric")
    drawn = networks.draw(np.ascontiguousarray(square), code)[:small_h, :small_w]
    return np.clip(resize(drawn, (width, height)), 0, 1)
