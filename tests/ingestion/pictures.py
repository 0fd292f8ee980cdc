"""Odd and hostile picture files, made as the tests need them."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections.abc import Callable
from typing import Any

from PIL import Image, ImageDraw

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"


def encoded(picture: Image.Image, kind: str = "PNG", **settings: Any) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, kind, **settings)
    return buffer.getvalue()


def scene(width: int = 64, height: int = 48, mode: str = "RGB") -> Image.Image:
    """A picture with edges, colours and no symmetry."""
    picture = Image.linear_gradient("L").resize((width, height)).convert("RGB")
    draw = ImageDraw.Draw(picture)
    draw.rectangle((0, 0, width // 4, height // 4), fill=(220, 30, 40))
    draw.ellipse((width // 2, height // 3, width - 2, height - 2), fill=(30, 90, 200))
    return picture.convert(mode)


def chunk(kind: bytes, data: bytes = b"", checksum: int | None = None) -> bytes:
    checksum = zlib.crc32(kind + data) if checksum is None else checksum
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", checksum)


def header(width: int, height: int, depth: int = 8, colour: int = 2) -> bytes:
    return chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0))


def png(width: int, height: int, rows: bytes, depth: int = 8, colour: int = 2, before: bytes = b"") -> bytes:
    """A PNG made by hand; `rows` with their filter bytes."""
    data = chunk(b"IDAT", zlib.compress(rows, 9))
    return PNG_SIGNATURE + header(width, height, depth, colour) + before + data + chunk(b"IEND")


def pixel_bomb(side: int = 13_000) -> bytes:
    """About 20 kB that would be 507 MB as RGB."""
    packer = zlib.compressobj(9)
    row = b"\0" * (1 + (side + 7) // 8)
    data = b"".join(packer.compress(row) for _ in range(side)) + packer.flush()
    return PNG_SIGNATURE + header(side, side, 1, 0) + chunk(b"IDAT", data) + chunk(b"IEND")


def text_bomb(kind: bytes) -> bytes:
    """A small picture whose text unpacks to 64 MiB."""
    packed = zlib.compress(b"a" * (64 << 20), 9)
    data = b"Comment\0\0" + packed if kind == b"zTXt" else b"Comment\0\1\0\0\0" + packed
    return png(2, 2, b"\0" + b"\1" * 6 + b"\0" + b"\2" * 6, before=chunk(kind, data))


def grey_ramp() -> bytes:
    """256 x 1, 16 bits: value 257 * x."""
    return png(256, 1, b"\0" + b"".join(struct.pack(">H", 257 * x) for x in range(256)), depth=16, colour=0)


def animated(kind: str, **settings: Any) -> bytes:
    frames = [Image.new("RGB", (16, 16), colour) for colour in ("red", "green", "blue")]
    return encoded(frames[0], kind, save_all=True, append_images=frames[1:], **settings)


def oriented(orientation: int, kind: str = "PNG") -> bytes:
    exif = Image.Exif()
    exif[0x0112] = orientation
    settings = {"PNG": {}, "JPEG": {"quality": 100, "subsampling": 0}, "WEBP": {"lossless": True}}[kind]
    return encoded(corners(), kind, exif=exif, **settings)


def corners() -> Image.Image:
    """32 x 16, another colour in each quarter: red, green / blue, white."""
    picture = Image.new("RGB", (32, 16), "white")
    for box, colour in (((0, 0, 16, 8), "red"), ((16, 0, 32, 8), "lime"), ((0, 8, 16, 16), "blue")):
        picture.paste(colour, box)
    return picture


def archive() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as packed:
        packed.writestr("evil.js", "alert(1)" * 100)
    return buffer.getvalue()


def riff(*chunks: bytes) -> bytes:
    body = b"WEBP" + b"".join(chunks)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def webp_chunk(kind: bytes, data: bytes) -> bytes:
    return kind + struct.pack("<I", len(data)) + data + b"\0" * (len(data) % 2)


def changed(data: bytes, place: int, change: Callable[[int], int] = lambda byte: byte ^ 0x55) -> bytes:
    """The bytes with the one at `place` changed."""
    place %= len(data)
    return data[:place] + bytes([change(data[place])]) + data[place + 1 :]
