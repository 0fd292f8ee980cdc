"""Where a viewer looks first, without a learnt model: rare structure and colours that stand out from their surround."""

import numpy as np
from PIL import Image

from impasto_ml.analysis.pixels import Array, blur, box_blur, resize, shrink, to_array, to_oklab

_SIDE = 128
_SPECTRUM = 64
_SCALES = (2.0, 5.0, 12.0)
_CENTRE_PULL = 0.35
_LEAST = 1e-3
"""Oklab difference below which there is only rounding: one level of a byte is about 0.004."""


def saliency_map(picture: Image.Image) -> Array:
    """(height, width) of a 128 px version: non-negative, summing to 1; uniform for a picture with nothing in it.

    Mean of the spectral residual (Hou and Zhang 2007), centre-surround differences at three scales (Itti, Koch and
    Niebur 1998) and distance from the mean colour (Achanta et al. 2009), all in Oklab, with a weak pull to the centre.
    """
    lab = to_oklab(to_array(shrink(picture, _SIDE)))
    height, width = lab.shape[:2]
    parts = [_normalised(_spectral_residual(lab)), _normalised(_centre_surround(lab)), _normalised(_rarity(lab))]
    combined = blur(sum(parts[1:], parts[0]) / np.float32(len(parts)), max(height, width) / 48)
    # The median is what any background has; a steeper curve leaves the mass to what rises above it.
    combined = np.maximum(combined - np.median(combined), 0) ** 1.5
    combined = combined * _centre_pull(height, width)
    total = float(combined.sum())
    if total < 1e-6:
        return np.full((height, width), 1 / (height * width), dtype=np.float32)
    return np.asarray(combined / total, dtype=np.float32)


def _spectral_residual(lab: Array) -> Array:
    """Hou and Zhang 2007, equations 3 to 6: what the log spectrum has beyond its own local mean."""
    height, width = lab.shape[:2]
    small = resize(np.ascontiguousarray(lab[..., 0]), (_SPECTRUM, _SPECTRUM))
    spectrum = np.fft.fft2(small)
    log_amplitude = np.log(np.abs(spectrum) + 1e-6).astype(np.float32)
    residual = log_amplitude - box_blur(log_amplitude, 1)
    back = np.abs(np.fft.ifft2(np.exp(residual + 1j * np.angle(spectrum)))) ** 2
    # A picture without structure has a residual of rounding errors only: its contrast says how much it may count.
    smooth = np.maximum(resize(blur(back.astype(np.float32), 2.5), (width, height)), 0)
    return np.asarray(smooth * small.std(), dtype=np.float32)


def _centre_surround(lab: Array) -> Array:
    total = np.zeros(lab.shape[:2], dtype=np.float32)
    for sigma in _SCALES:
        total += np.linalg.norm(blur(lab, sigma) - blur(lab, sigma * 3), axis=2)
    return total


def _rarity(lab: Array) -> Array:
    return np.asarray(np.linalg.norm(blur(lab, 1.0) - lab.mean(axis=(0, 1)), axis=2), dtype=np.float32)


def _normalised(values: Array) -> Array:
    top = float(np.percentile(values, 99.5))
    return np.minimum(values / np.float32(top), 1) if top > _LEAST else np.zeros_like(values)


def _centre_pull(height: int, width: int) -> Array:
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    return np.asarray(1 - _CENTRE_PULL * np.clip((x * x + y * y) / 2, 0, 1), dtype=np.float32)
