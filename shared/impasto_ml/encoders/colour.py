"""What colour alone says of a picture: the yardstick for anything that claims to see more."""

import numpy as np
from numpy.typing import NDArray

from .layout import COLOUR_LEVELS


def colour_features(pixels_NHWC: NDArray[np.uint8]) -> NDArray[np.float32]:
    """N x 70: shares of pixels in a 4 x 4 x 4 RGB histogram, then mean and deviation of R, G and B, in [0, 1]."""
    count = len(pixels_NHWC)
    level = (pixels_NHWC >> 6).astype(np.int64).reshape(count, -1, 3)
    cell = level @ np.array([COLOUR_LEVELS**2, COLOUR_LEVELS, 1])
    cells = COLOUR_LEVELS**3
    flat = (cell + np.arange(count)[:, None] * cells).ravel()
    histogram = np.bincount(flat, minlength=count * cells).reshape(count, cells) / cell.shape[1]
    scaled = pixels_NHWC.reshape(count, -1, 3) / np.float32(255)
    return np.concatenate([histogram, scaled.mean(1), scaled.std(1)], axis=1).astype(np.float32)
