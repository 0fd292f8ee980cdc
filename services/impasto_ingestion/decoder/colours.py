"""Any of Pillow's modes to sRGB of 8 bits a channel, with or without alpha."""

from __future__ import annotations

import io
from typing import Final

from PIL import Image, ImageCms

_EMBEDDED_SPACES: Final = {"L": b"GRAY", "RGB": b"RGB ", "CMYK": b"CMYK"}
_NAMES: Final = {
    "1": "converted from 1 bit a pixel",
    "L": "converted from greyscale",
    "LA": "converted from greyscale",
    "P": "converted from a palette",
    "PA": "converted from a palette",
    "CMYK": "converted from CMYK",
    "I;16": "converted from 16 bits a channel",
}


def to_srgb(picture: Image.Image, deep: bool, warnings: list[str]) -> Image.Image:
    """The picture as mode RGB, or RGBA if any pixel could be transparent.

    Args:
        picture: of any mode that PNG, JPEG and WebP decode to; its embedded profile in `info`.
        deep: its file has 16 bits a channel, of which Pillow has already kept the upper 8 (but for greyscale).
        warnings: what was done is added here.
    """
    if picture.mode in _NAMES:
        warnings.append(_NAMES[picture.mode])
    elif deep:
        warnings.append("converted from 16 bits a channel")
    profile = picture.info.get("icc_profile")
    colour, alpha = _split(picture, deep)
    if isinstance(profile, bytes) and profile:
        colour = _convert_by_profile(colour, profile, warnings)
    colour = colour if colour.mode == "RGB" else colour.convert("RGB")
    if alpha is not None:
        colour.putalpha(alpha)
    return colour


def is_deep(picture: Image.Image) -> bool:
    """Whether the file of a picture that is opened but not yet loaded has 16 bits a channel."""
    return any("16" in str(tile.args) for tile in getattr(picture, "tile", ()))


def _split(picture: Image.Image, deep: bool) -> tuple[Image.Image, Image.Image | None]:
    """Colour (L, RGB or CMYK) and alpha (L), which is None if the picture is opaque."""
    transparent = picture.info.get("transparency")
    if picture.mode == "I;16":
        return _from_16_bits(picture, transparent)
    if deep and isinstance(transparent, tuple):
        # Pillow keeps the transparent colour in 16 bits beside pixels of 8.
        picture.info["transparency"] = tuple(value >> 8 for value in transparent)
    if picture.mode in {"LA", "RGBA", "PA"} or transparent is not None:
        mode = "LA" if picture.mode in {"1", "L", "LA"} else "RGBA"
        whole = picture if picture.mode == mode else picture.convert(mode)
        return whole.convert("L" if whole.mode == "LA" else "RGB"), whole.getchannel("A")
    if picture.mode in _EMBEDDED_SPACES:
        return picture, None
    return picture.convert("L" if picture.mode == "1" else "RGB"), None


def _from_16_bits(picture: Image.Image, transparent: object) -> tuple[Image.Image, Image.Image | None]:
    # Pillow's own conversion clips at 255: a ramp would become white.
    wide = picture.convert("I")
    grey = wide.point([(value + 128) // 257 for value in range(65536)], "L")
    if not isinstance(transparent, int):
        return grey, None
    return grey, wide.point([0 if value == transparent else 255 for value in range(65536)], "L")


def _convert_by_profile(colour: Image.Image, profile: bytes, warnings: list[str]) -> Image.Image:
    space = profile[16:20]
    if space == b"RGB " and colour.mode == "L":
        colour = colour.convert("RGB")
    try:
        if space != _EMBEDDED_SPACES[colour.mode]:
            raise ImageCms.PyCMSError("the profile is for another colour space")
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        # Most files say that they are sRGB: converting them would cost time and rounding for nothing.
        if space == b"RGB " and ImageCms.getProfileDescription(source).strip().startswith("sRGB"):
            return colour
        converted = ImageCms.profileToProfile(
            colour,
            source,
            ImageCms.createProfile("sRGB"),
            renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC,
            outputMode="RGB",
            flags=ImageCms.Flags.BLACKPOINTCOMPENSATION,
        )
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        warnings.append("unusable colour profile ignored")
        return colour
    warnings.append("converted to sRGB by its colour profile")
    return converted if converted is not None else colour
