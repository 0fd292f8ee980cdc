"""Opens a picture's header, refuses what is too large or moves, and only then decodes its pixels."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from PIL import Image, UnidentifiedImageError

from impasto_ingestion.decoder.colours import is_deep
from impasto_ingestion.decoder.containers import check_png, damaged, read_webp_header
from impasto_ingestion.decoder.refusing import Refused
from impasto_ingestion.decoder.sniffing import HEAD_BYTES, Format, sniff

MOST_PIXELS: Final = 64_000_000
MOST_SIDE: Final = 16_384

# Our own limit is checked between the header and the first pixel and tells the numbers, so Pillow's must not come
# before it.
Image.MAX_IMAGE_PIXELS = 1 << 62

# What Pillow's readers raise at bytes that are not what they announce.
_READ_ERRORS: Final = (
    OSError,
    SyntaxError,
    ValueError,
    TypeError,
    IndexError,
    KeyError,
    EOFError,
    OverflowError,
    struct.error,
    UnidentifiedImageError,
)


@dataclass(slots=True)
class Opened:
    """A decoded picture of one frame; whether its file held it without loss, and with 16 bits a channel."""

    picture: Image.Image
    lossless: bool
    deep: bool


def open_picture(path: Path) -> Opened:
    """The picture in a file, decoded.

    Raises:
        Refused: the file is not taken; its code says why.
        MemoryError: the picture needs more memory than the process may have.
    """
    with path.open("rb") as file:
        known = sniff(file.read(HEAD_BYTES))
        lossless = _check_container(file, known)
        file.seek(0)
        try:
            picture = Image.open(file, formats=[known])
            _check_size(*picture.size)
            if getattr(picture, "n_frames", 1) > 1:
                raise _animated()
            deep = is_deep(picture)
            picture.load()
        except _READ_ERRORS as error:
            raise _read_failure(error) from error
    return Opened(picture, lossless, deep)


def _check_container(file: BinaryIO, known: Format) -> bool:
    if known == "JPEG":
        return False
    if known == "PNG":
        check_png(file)
        return True
    header = read_webp_header(file)
    _check_size(header.width, header.height)
    if header.animated:
        raise _animated()
    return header.lossless


def _check_size(width: int, height: int) -> None:
    hint = "make it smaller"
    if max(width, height) > MOST_SIDE:
        message = "a side of the picture is too long"
        raise Refused("image_too_many_pixels", message, hint=hint, limit=MOST_SIDE, actual=max(width, height))
    if width * height > MOST_PIXELS:
        message = "the picture has too many pixels"
        raise Refused("image_too_many_pixels", message, hint=hint, limit=MOST_PIXELS, actual=width * height)


def _animated() -> Refused:
    return Refused(
        "image_animated_unsupported", "the picture has more than one frame", hint="send its frames as files of one"
    )


def _read_failure(error: Exception) -> Refused:
    # Pillow's own guard against text and profiles that unpack to more than it will hold.
    if isinstance(error, ValueError) and "Decompressed data too large" in str(error):
        return Refused(
            "image_decode_failed", "the file holds compressed text that unpacks to too much", hint="save it without it"
        )
    return damaged("its picture data cannot be read")
