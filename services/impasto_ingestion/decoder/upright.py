"""EXIF orientation: the picture as its maker saw it, the tag gone."""

from __future__ import annotations

import struct
from typing import Final

from PIL import ExifTags, Image

# EXIF 2.32, tag 0x0112: how the stored picture must be turned to stand upright.
TURNS: Final = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def upright(picture: Image.Image, warnings: list[str]) -> Image.Image:
    """The picture, turned as its EXIF or XMP orientation says. What it did is added to `warnings`."""
    try:
        orientation = picture.getexif().get(ExifTags.Base.Orientation, 1)
    except (OSError, SyntaxError, ValueError, TypeError, LookupError, ArithmeticError, struct.error):
        warnings.append("unreadable EXIF ignored")
        return picture
    turn = TURNS.get(orientation) if isinstance(orientation, int) else None
    if turn is None:
        return picture
    warnings.append("rotated by EXIF")
    return picture.transpose(turn)
