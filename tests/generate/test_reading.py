"""Pictures that cannot be read end a job with the fault's own name."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path

import pytest
from PIL import Image

from impasto.errors import JobFailed
from impasto_worker.computing import read_picture


def header_of(width: int, height: int) -> bytes:
    """The start of a PNG that claims this size."""
    body = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    header = struct.pack(">I", 13) + body + struct.pack(">I", zlib.crc32(body))
    return b"\x89PNG\r\n\x1a\n" + header + struct.pack(">I", 1000) + b"IDAT" + zlib.compress(b"\0" * 50)


def encoded(kind: str) -> bytes:
    """A small picture in a format that the platform does not write."""
    Image.new("RGB", (40, 40), "teal").save(buffer := io.BytesIO(), kind)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "image_unrecognised"),
        (encoded("TIFF"), "image_unrecognised"),
        (encoded("EPS"), "image_unrecognised"),
        (encoded("GIF"), "image_unrecognised"),
        (b'{"not": "a picture"}', "image_unrecognised"),
        (header_of(40_000, 40_000), "image_too_many_pixels"),
        (header_of(12_000, 12_000), "image_too_many_pixels"),
        (header_of(40, 40), "image_decode_failed"),
    ],
    ids=["empty", "tiff", "eps", "gif", "json", "bomb", "large", "cut off"],
)
def test_a_fault_has_a_name(tmp_path: Path, content: bytes, code: str) -> None:
    path = tmp_path / "picture"
    path.write_bytes(content)
    with pytest.raises(JobFailed) as failure:
        read_picture(path)
    assert failure.value.code == code


def test_a_cut_off_file_is_not_half_a_picture(tmp_path: Path) -> None:
    path = tmp_path / "picture.jpg"
    Image.effect_noise((400, 400), 90).save(path)
    path.write_bytes(path.read_bytes()[:-2000])
    with pytest.raises(JobFailed) as failure:
        read_picture(path)
    assert failure.value.code == "image_decode_failed"


def test_a_large_photograph_may_be_decoded_smaller(tmp_path: Path) -> None:
    path = tmp_path / "photo.jpg"
    Image.new("RGB", (1600, 1200)).save(path)
    assert read_picture(path, 224).size == (400, 300)
    assert read_picture(path).size == (1600, 1200)
