"""One file from hostile bytes to a harmless picture."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from impasto_ingestion.decoder.colours import to_srgb
from impasto_ingestion.decoder.encoding import encode, jpeg_settings
from impasto_ingestion.decoder.opening import open_picture
from impasto_ingestion.decoder.refusing import Refused
from impasto_ingestion.decoder.upright import upright


@dataclass(frozen=True, slots=True)
class Decoded:
    """A picture that was re-encoded: its size in pixels as it now is, and what was changed."""

    media_type: str
    width: int
    height: int
    warnings: list[str]


def decode(source: Path, target: Path) -> Decoded:
    """Reads `source`, makes it upright sRGB of 8 bits a channel, and writes it to `target`.

    Raises:
        Refused: the file is not taken; its code says why.
    """
    warnings: list[str] = []
    try:
        opened = open_picture(source)
        settings = jpeg_settings(opened.picture)
        # In place: a large picture must not stay in memory beside its turned copy.
        opened.picture = upright(opened.picture, warnings)
        picture = to_srgb(opened.picture, opened.deep, warnings)
        # Greyscale to RGB changes no value, so it may keep its tables; anything else may not.
        kept = settings if set(warnings) <= {"converted from greyscale", "unreadable EXIF ignored"} else None
        media_type = encode(picture, target, lossless=opened.lossless, settings=kept)
    except MemoryError as error:
        raise Refused("image_decode_failed", "the picture needs more memory than one may have") from error
    return Decoded(media_type, picture.width, picture.height, warnings)
