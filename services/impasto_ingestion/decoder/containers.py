"""Walks a PNG's chunks and a WebP's header without a picture library, for what Pillow does not check or tells late.

Pillow neither compares the checksums of PNG image data nor misses a lost end of file; and it reserves a WebP's whole
canvas before its size can be read.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from typing import BinaryIO, Final

from impasto_ingestion.decoder.refusing import Refused

_BLOCK_BYTES: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class WebpHeader:
    """What a WebP file says of itself; sides in pixels."""

    width: int
    height: int
    lossless: bool
    animated: bool


def damaged(what: str) -> Refused:
    """The refusal of a file that is cut off or damaged."""
    return Refused("image_truncated", f"the file is damaged or cut off: {what}", hint="send the file again")


def check_png(file: BinaryIO) -> None:
    """Reads every chunk up to IEND and compares its checksum (PNG, third edition, section 5.3).

    Raises:
        Refused: a chunk is cut off, its checksum differs, or there is no end.
    """
    file.seek(8)
    kinds: set[bytes] = set()
    while True:
        head = file.read(8)
        if len(head) < 8:
            raise damaged("a PNG chunk is missing")
        (length,), kind = struct.unpack(">I", head[:4]), head[4:]
        checksum, left = zlib.crc32(kind), length
        while left:
            block = file.read(min(left, _BLOCK_BYTES))
            if not block:
                raise damaged("a PNG chunk is cut off")
            checksum, left = zlib.crc32(block, checksum), left - len(block)
        if file.read(4) != struct.pack(">I", checksum):
            raise damaged("the checksum of a PNG chunk differs")
        kinds.add(kind)
        if kind == b"IEND":
            break
    file.seek(25)
    # Colour type 3: each pixel is a number in a palette. Pillow would make one up.
    needed = {b"IHDR", b"IDAT", b"PLTE"} if file.read(1) == b"\3" else {b"IHDR", b"IDAT"}
    if not needed <= kinds:
        raise damaged("a PNG chunk is missing")


def read_webp_header(file: BinaryIO) -> WebpHeader:
    """The header of a WebP file (RFC 9649, section 2).

    Raises:
        Refused: the header is cut off or makes no sense.
    """
    file.seek(0, 2)
    end = file.tell()
    file.seek(0)
    head = file.read(64)
    if len(head) < 30 or struct.unpack_from("<I", head, 4)[0] + 8 > end:
        raise damaged("the WebP file is shorter than it says")
    kind = head[12:16]
    if kind == b"VP8 ":
        width, height = struct.unpack_from("<HH", head, 26)
        return WebpHeader(width & 0x3FFF, height & 0x3FFF, lossless=False, animated=False)
    if kind == b"VP8L":
        (bits,) = struct.unpack_from("<I", head, 21)
        return WebpHeader((bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1, lossless=True, animated=False)
    if kind == b"VP8X":
        width = int.from_bytes(head[24:27], "little") + 1
        height = int.from_bytes(head[27:30], "little") + 1
        return WebpHeader(width, height, lossless=_holds_lossless(file, end), animated=bool(head[20] & 0x02))
    raise damaged("the WebP file has no picture")


def _holds_lossless(file: BinaryIO, end: int) -> bool:
    position = 30
    while position + 8 <= end:
        file.seek(position)
        kind, size = struct.unpack("<4sI", file.read(8))
        if kind in {b"VP8L", b"VP8 "}:
            return bool(kind == b"VP8L")
        position += 8 + size + size % 2
    return False
