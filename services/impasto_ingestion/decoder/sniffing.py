"""What a file is by its first bytes; names and declared types are never believed."""

from __future__ import annotations

import re
from typing import Final, Literal

from impasto_ingestion.decoder.refusing import Refused

Format = Literal["PNG", "JPEG", "WEBP"]
HEAD_BYTES: Final = 64

_READ: Final[tuple[tuple[Format, re.Pattern[bytes]], ...]] = (
    ("PNG", re.compile(rb"\x89PNG\r\n\x1a\n")),
    ("JPEG", re.compile(rb"\xff\xd8\xff")),
    ("WEBP", re.compile(rb"RIFF.{4}WEBP", re.DOTALL)),
)
# Formats that are recognised so as to say plainly that they are not read. Several have a history of decoder faults.
_NOT_READ: Final[tuple[tuple[str, re.Pattern[bytes]], ...]] = (
    ("GIF", re.compile(rb"GIF8[79]a")),
    ("TIFF", re.compile(rb"II[*+]\0|MM\0[*+]")),
    ("BMP", re.compile(rb"BM.{4}\0\0\0\0.{4}[\x0c\x28\x34\x38\x40\x6c\x7c]\0\0\0", re.DOTALL)),
    ("PSD", re.compile(rb"8BPS\0[\1\2]")),
    ("PDF", re.compile(rb"%PDF-")),
    ("EPS", re.compile(rb"%!PS|\xc5\xd0\xd3\xc6")),
    ("JPEG 2000", re.compile(rb"\0\0\0\x0cjP  \r\n\x87\n|\xff\x4f\xff\x51")),
    ("JPEG XL", re.compile(rb"\0\0\0\x0cJXL \r\n\x87\n|\xff\x0a")),
    ("AVIF", re.compile(rb".{4}ftypavi[fs]", re.DOTALL)),
    ("HEIC", re.compile(rb".{4}ftyp(hei[cxms]|hev[cx]|mif1|msf1)", re.DOTALL)),
    ("FITS", re.compile(rb"SIMPLE  =")),
    ("ICO", re.compile(rb"\0\0[\1\2]\0[^\0]\0")),
    ("ICNS", re.compile(rb"icns")),
    ("MNG", re.compile(rb"\x8a[MJ]NG\r\n\x1a\n")),
    ("QOI", re.compile(rb"qoif")),
    ("DDS", re.compile(rb"DDS \x7c")),
    ("OpenEXR", re.compile(rb"\x76\x2f\x31\x01")),
    ("Radiance HDR", re.compile(rb"#\?(RADIANCE|RGBE)")),
    ("Netpbm", re.compile(rb"P[1-7fFyY]\s")),
    ("XCF", re.compile(rb"gimp xcf")),
)


def sniff(head: bytes) -> Format:
    """The format that `head`, the first bytes of a file, announces.

    Raises:
        Refused: no bytes; a known format that is not read; or no picture.
    """
    if not head:
        raise Refused("image_empty", "the file has no bytes")
    for known, pattern in _READ:
        if pattern.match(head):
            return known
    for name, pattern in _NOT_READ:
        if pattern.match(head):
            raise Refused("image_format_unsupported", f"{name} is not read", hint="save it as PNG, JPEG or WebP")
    raise Refused("image_unrecognised", "the file is not a picture", hint="send PNG, JPEG or WebP")
