"""Pictures inside the page: scaled to where they stand and written as data."""

from __future__ import annotations

import base64
import io
from pathlib import Path
from typing import Final

from PIL import Image

_QUALITY: Final = 84


def embedded(path: Path, width_px: int) -> str:
    """The picture as a data URI, at most `width_px` wide."""
    with Image.open(path) as opened:
        return _uri(_scaled(opened.convert("RGB"), width_px))


def enlarged_plainly(path: Path, factor: int, width_px: int) -> str:
    """What enlarging without a network gives (bicubic), to be held beside what the network drew."""
    with Image.open(path) as opened:
        picture = opened.convert("RGB")
    larger = picture.resize((picture.width * factor, picture.height * factor), Image.Resampling.BICUBIC)
    return _uri(_scaled(larger, width_px))


def colours(path: Path, count: int = 6) -> list[tuple[str, float]]:
    """The picture's main colours as hexadecimal, with their shares, dark to light (median cut)."""
    with Image.open(path) as opened:
        small = opened.convert("RGB").resize((96, 96), Image.Resampling.BOX)
    reduced = small.quantize(count, method=Image.Quantize.MEDIANCUT)
    palette = reduced.getpalette() or []
    found: list[tuple[float, str, float]] = []
    for pixels, index in reduced.getcolors() or []:
        assert isinstance(index, int)
        red, green, blue = palette[3 * index : 3 * index + 3]
        light = 0.3 * red + 0.6 * green + 0.1 * blue
        found.append((light, f"#{red:02x}{green:02x}{blue:02x}", pixels / (96 * 96)))
    return [(colour, share) for _, colour, share in sorted(found)]


def _scaled(picture: Image.Image, width_px: int) -> Image.Image:
    if picture.width <= width_px:
        return picture
    return picture.resize((width_px, round(picture.height * width_px / picture.width)), Image.Resampling.LANCZOS)


def _uri(picture: Image.Image) -> str:
    buffer = io.BytesIO()
    picture.save(buffer, "WEBP", quality=_QUALITY, method=4)
    return f"data:image/webp;base64,{base64.b64encode(buffer.getvalue()).decode()}"
