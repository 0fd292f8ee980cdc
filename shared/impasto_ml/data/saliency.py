"""Finds the square of a picture that holds most of what catches the eye, cheaply enough to run on every picture."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

# Saliency is judged on a thumbnail this long: composition, not detail.
_LOOK_PX = 96


def saliency_map(picture: Image.Image) -> NDArray[np.float32]:
    """H x W weights of an RGB thumbnail: how far a place's colour is from the picture's and how much happens there.

    The colour part is the frequency-tuned measure of Achanta et al. 2009; the other is the local gradient.
    """
    pixels = np.asarray(picture.convert("RGB"), dtype=np.float32)
    rare = np.linalg.norm(pixels - pixels.reshape(-1, 3).mean(axis=0), axis=2)
    grey = pixels.mean(axis=2)
    # Differences to the next pixel, the last one 0: defined for a picture one pixel wide too.
    edges = sum(np.abs(np.diff(grey, axis=axis, append=np.take(grey, [-1], axis=axis))) for axis in (0, 1))
    return _scaled(rare) + _scaled(edges)


def _scaled(values: NDArray[np.float32]) -> NDArray[np.float32]:
    total = float(values.sum())
    return values / np.float32(total) if total > 0 else values


def salient_start(picture: Image.Image) -> tuple[int, int]:
    """Left and top of the largest square with the most saliency; the centre where all places are alike."""
    width, height = picture.size
    side = min(width, height)
    longest = max(width, height)
    thumb = picture.resize(
        (max(1, round(width * _LOOK_PX / longest)), max(1, round(height * _LOOK_PX / longest))),
        Image.Resampling.BOX,
    )
    along = saliency_map(thumb).sum(axis=0 if width > height else 1)
    window = max(1, min(len(along), round(side * _LOOK_PX / longest)))
    sums = np.convolve(along, np.ones(window, dtype=np.float32), mode="valid")
    middle = (len(sums) - 1) / 2
    # Among equals (to rounding) the most central wins.
    best = np.flatnonzero(sums >= sums.max() * (1 - 1e-4))
    start = int(best[np.argmin(np.abs(best - middle))])
    share = start / max(1, len(sums) - 1)
    offset = (longest - side) // 2 if len(sums) == 1 else round(share * (longest - side))
    return (offset, 0) if width > height else (0, offset)
