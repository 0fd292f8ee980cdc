"""Joint upsampling: a drawing made at working size is brought to the photograph's size along the photograph's edges."""

import numpy as np
from PIL import Image

from impasto_ml.analysis.pixels import Array, box_blur, luma, resize, to_array, to_picture
from impasto_ml.data.pictures import flatten

_STRIP = 512
"""Rows of the result made at a time, so that memory stays bounded however large the photograph is."""

_RADIUS, _EPSILON = 4, 1e-3
_SLOPE_LIMIT = 1.5


def enlarge(drawn: Array, photo: Image.Image) -> Image.Image:
    """`drawn` (height, width, 3) in 0..1 in the size of `photo`, which it shows at a smaller size.

    The drawing is resampled, and the photograph's fine detail is added where the drawing follows the photograph: scaled
    by the local slope of drawing over luma (the linear model of He and Sun 2015, "Fast Guided Filter").
    """
    source = flatten(photo)
    height, width = drawn.shape[:2]
    if source.size == (width, height):
        return to_picture(drawn)
    guide = luma(_small(source, (width, height)))
    slope = _slope(drawn, guide)
    result = Image.new("RGB", source.size)
    for top in range(0, source.height, _STRIP):
        bottom = min(source.height, top + _STRIP)
        size = (source.width, bottom - top)
        box = (0.0, top * height / source.height, float(width), bottom * height / source.height)
        fine = luma(to_array(source.crop((0, top, source.width, bottom))))
        detail = fine - resize(guide, size, box)
        strip = resize(drawn, size, box) + resize(slope, size, box) * detail[..., None]
        result.paste(to_picture(strip), (0, top))
    return result


def _slope(drawn: Array, guide: Array) -> Array:
    mean_guide = box_blur(guide, _RADIUS)
    variance = box_blur(guide * guide, _RADIUS) - mean_guide**2
    mean_drawn = box_blur(drawn, _RADIUS)
    covariance = box_blur(guide[..., None] * drawn, _RADIUS) - mean_guide[..., None] * mean_drawn
    slope = covariance / (variance[..., None] + _EPSILON)
    return np.asarray(np.clip(slope, -_SLOPE_LIMIT, _SLOPE_LIMIT), dtype=np.float32)


def _small(source: Image.Image, size: tuple[int, int]) -> Array:
    reduced = source.resize(size, Image.Resampling.LANCZOS, reducing_gap=3.0)
    return to_array(reduced)
