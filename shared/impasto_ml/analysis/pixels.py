"""Pictures as arrays and back, Oklab, and the two filters everything else is made of (numpy and Pillow only)."""

from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from impasto_ml.data.pictures import flatten

Array = npt.NDArray[np.float32]

# Björn Ottosson, "A perceptual color space for image processing" (2020): linear sRGB -> LMS and LMS' -> Oklab.
_RGB_TO_LMS = np.array(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ],
    dtype=np.float32,
)
_LMS_TO_LAB = np.array(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ],
    dtype=np.float32,
)
_LMS_TO_RGB = np.linalg.inv(_RGB_TO_LMS.astype(np.float64)).astype(np.float32)
_LAB_TO_LMS = np.linalg.inv(_LMS_TO_LAB.astype(np.float64)).astype(np.float32)
_LUMA = np.array([0.299, 0.587, 0.114], dtype=np.float32)  # ITU-R BT.601


def to_array(picture: Image.Image) -> Array:
    """(height, width, 3) float32 sRGB in 0..1."""
    return np.asarray(flatten(picture), dtype=np.float32) / np.float32(255)


def to_picture(rgb: npt.NDArray[Any]) -> Image.Image:
    """An RGB picture from (height, width, 3) values in 0..1; values outside are clipped."""
    return Image.fromarray((np.clip(rgb, 0, 1) * 255 + 0.5).astype(np.uint8))


def shrink(picture: Image.Image, max_side: int) -> Image.Image:
    """The picture with its longer side at most `max_side` px, antialiased; smaller ones come back as they are."""
    longest = max(picture.size)
    if longest <= max_side:
        return picture
    width, height = (max(1, round(side * max_side / longest)) for side in picture.size)
    return picture.resize((width, height), Image.Resampling.LANCZOS, reducing_gap=3.0)


def luma(rgb: Array) -> Array:
    """(height, width) BT.601 luma in 0..1."""
    return rgb @ _LUMA


def to_oklab(rgb: Array) -> Array:
    """Oklab of sRGB values in 0..1, any leading shape; L in 0..1, a and b within about -0.4..0.4."""
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((np.maximum(rgb, 0) + 0.055) / 1.055) ** 2.4).astype(np.float32)
    return np.asarray(np.cbrt(linear @ _RGB_TO_LMS.T) @ _LMS_TO_LAB.T, dtype=np.float32)


def from_oklab(lab: Array) -> Array:
    """sRGB in 0..1 of Oklab values; colours outside the gamut are clipped channel by channel."""
    linear = np.clip((lab @ _LAB_TO_LMS.T) ** 3 @ _LMS_TO_RGB.T, 0, 1)
    rgb = np.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055)
    return np.asarray(rgb, dtype=np.float32)


def box_blur(values: Array, radius: int) -> Array:
    """Mean over a (2 radius + 1) square window with mirrored borders; (height, width) or (height, width, channels)."""
    if radius < 1:
        return values
    return _running_mean(_running_mean(values, radius, 0), radius, 1)


def blur(values: Array, sigma: float) -> Array:
    """A Gaussian of standard deviation `sigma` px, as three box filters (Wells 1986): cost does not grow with sigma."""
    radius = max(1, round((np.sqrt(4 * sigma * sigma + 1) - 1) / 2))
    for _ in range(3):
        values = box_blur(values, radius)
    return values


def resize(values: Array, size: tuple[int, int], box: tuple[float, float, float, float] | None = None) -> Array:
    """Each channel resampled (bicubic, antialiased) to `size` = (width, height), without rounding to bytes."""
    planes = values[..., None] if values.ndim == 2 else values
    out = [
        np.asarray(Image.fromarray(np.ascontiguousarray(planes[..., i])).resize(size, Image.Resampling.BICUBIC, box))
        for i in range(planes.shape[2])
    ]
    return out[0] if values.ndim == 2 else np.stack(out, axis=2)


def _running_mean(values: Array, radius: int, axis: int) -> Array:
    padding = [(0, 0)] * values.ndim
    padding[axis] = (radius + 1, radius)
    padded = np.pad(values, padding, mode="symmetric")
    # Cumulative sums in double precision: in single the far end of a wide picture drifts visibly.
    sums = np.cumsum(padded, axis=axis, dtype=np.float64)
    window = 2 * radius + 1
    length = values.shape[axis]
    high = np.take(sums, np.arange(window, window + length), axis=axis)
    low = np.take(sums, np.arange(length), axis=axis)
    return np.asarray((high - low) / window, dtype=np.float32)
