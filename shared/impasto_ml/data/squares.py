"""Pictures as square arrays of one size, as networks take them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image


def to_array(picture: Image.Image, size_px: int) -> NDArray[np.uint8]:
    """3 x S x S; what is not square is put on white."""
    if picture.width != picture.height:
        side = max(picture.size)
        square = Image.new("RGB", (side, side), "white")
        square.paste(picture, ((side - picture.width) // 2, (side - picture.height) // 2))
        picture = square
    if picture.width != size_px:
        picture = picture.resize((size_px, size_px), Image.Resampling.LANCZOS)
    return np.ascontiguousarray(np.asarray(picture.convert("RGB")).transpose(2, 0, 1))
