"""Files that are refused, each with its code; the decoder is called in this process, as its child calls it."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from impasto.errors import CODES
from impasto_ingestion.decoder.decoding import decode
from impasto_ingestion.decoder.refusing import Refused
from tests.ingestion.pictures import (
    PNG_SIGNATURE,
    animated,
    changed,
    chunk,
    encoded,
    header,
    pixel_bomb,
    png,
    riff,
    scene,
    text_bomb,
    webp_chunk,
)

PNG = encoded(scene())
JPEG = encoded(scene(), "JPEG", quality=90)
PROGRESSIVE = encoded(scene(200, 150), "JPEG", progressive=True)
WEBP = encoded(scene(), "WEBP", lossless=True)
BIG_CANVAS = webp_chunk(b"VP8X", b"\0\0\0\0" + (16_000).to_bytes(3, "little") + (16_000).to_bytes(3, "little"))
_JPEG_SIZE = JPEG.index(b"\xff\xc0") + 5

REFUSED = {
    "nothing": (b"", "image_empty"),
    "text": (b"hello, this is no picture", "image_unrecognised"),
    "one byte": (b"\x89", "image_unrecognised"),
    "zeros": (b"\0" * 4096, "image_unrecognised"),
    "html": (b"<!doctype html><script>alert(1)</script>", "image_unrecognised"),
    "svg": (b'<svg xmlns="http://www.w3.org/2000/svg"><rect/></svg>', "image_unrecognised"),
    "xml svg": (b'<?xml version="1.0"?><svg/>', "image_unrecognised"),
    "exe": (b"MZ\x90\0" + b"\0" * 200, "image_unrecognised"),
    "elf": (b"\x7fELF" + b"\0" * 200, "image_unrecognised"),
    "zip": (b"PK\3\4" + b"\0" * 200, "image_unrecognised"),
    "wav": (b"RIFF\x24\0\0\0WAVEfmt ", "image_unrecognised"),
    "text that begins like a bitmap": (b"BMW is a maker of cars, and this is text", "image_unrecognised"),
    "gif": (encoded(scene(), "GIF"), "image_format_unsupported"),
    "moving gif": (animated("GIF"), "image_format_unsupported"),
    "tiff": (encoded(scene(), "TIFF"), "image_format_unsupported"),
    "big-endian tiff": (b"MM\0*\0\0\0\x08", "image_format_unsupported"),
    "bmp": (encoded(scene(), "BMP"), "image_format_unsupported"),
    "ico": (encoded(scene(), "ICO"), "image_format_unsupported"),
    "icns": (b"icns" + b"\0" * 100, "image_format_unsupported"),
    "ppm": (encoded(scene(), "PPM"), "image_format_unsupported"),
    "dds": (encoded(scene(), "DDS"), "image_format_unsupported"),
    "jpeg 2000": (encoded(scene(), "JPEG2000"), "image_format_unsupported"),
    "avif": (encoded(scene(), "AVIF"), "image_format_unsupported"),
    "heic": (b"\0\0\0\x18ftypheic" + b"\0" * 100, "image_format_unsupported"),
    "jpeg xl": (b"\xff\x0a" + b"\0" * 100, "image_format_unsupported"),
    "psd": (b"8BPS\0\1" + b"\0" * 100, "image_format_unsupported"),
    "pdf": (b"%PDF-1.7\n", "image_format_unsupported"),
    "eps": (b"%!PS-Adobe-3.0 EPSF-3.0\n", "image_format_unsupported"),
    "binary eps": (b"\xc5\xd0\xd3\xc6" + b"\0" * 100, "image_format_unsupported"),
    "fits": (b"SIMPLE  =                    T", "image_format_unsupported"),
    "exr": (b"\x76\x2f\x31\x01" + b"\0" * 100, "image_format_unsupported"),
    "hdr": (b"#?RADIANCE\n", "image_format_unsupported"),
    "qoi": (b"qoif" + b"\0" * 100, "image_format_unsupported"),
    "xcf": (b"gimp xcf v011\0", "image_format_unsupported"),
    "mng": (b"\x8aMNG\r\n\x1a\n", "image_format_unsupported"),
    "pixel bomb": (pixel_bomb(), "image_too_many_pixels"),
    "png too wide": (png(16_385, 1, b"\0" * (1 + 3 * 16_385)), "image_too_many_pixels"),
    "png of all the pixels there are": (
        PNG_SIGNATURE + header(2**31 - 1, 2**31 - 1) + chunk(b"IDAT", b"x") + chunk(b"IEND"),
        "image_too_many_pixels",
    ),
    "jpeg that says 65500 x 65500": (
        JPEG[:_JPEG_SIZE] + struct.pack(">HH", 65_500, 65_500) + JPEG[_JPEG_SIZE + 4 :],
        "image_too_many_pixels",
    ),
    "webp canvas of 256 Mpx": (riff(BIG_CANVAS, webp_chunk(b"VP8L", b"\x2f" + b"\0" * 40)), "image_too_many_pixels"),
    "png of no pixels": (PNG_SIGNATURE + header(0, 5) + chunk(b"IDAT", b"x") + chunk(b"IEND"), "image_truncated"),
    "apng": (animated("PNG"), "image_animated_unsupported"),
    "moving webp": (animated("WEBP"), "image_animated_unsupported"),
    "mpo": (animated("MPO"), "image_animated_unsupported"),
    "png that says it moves": (
        png(2, 2, b"\0" * 14, before=chunk(b"acTL", struct.pack(">II", 9, 0))),
        "image_animated_unsupported",
    ),
    "only a png signature": (PNG_SIGNATURE, "image_truncated"),
    "png without data": (PNG_SIGNATURE + header(4, 4) + chunk(b"IEND"), "image_truncated"),
    "png without an end": (PNG[:-12], "image_truncated"),
    "png whose data are cut short": (png(64, 64, b"\0" * 100), "image_truncated"),
    "png whose data are not packed": (
        PNG_SIGNATURE + header(4, 4) + chunk(b"IDAT", b"no zlib here") + chunk(b"IEND"),
        "image_truncated",
    ),
    "png data with a wrong checksum": (
        PNG_SIGNATURE + header(2, 2) + chunk(b"IDAT", zlib.compress(b"\0" * 14), checksum=1) + chunk(b"IEND"),
        "image_truncated",
    ),
    "png whose chunk says 4 GiB": (PNG[:33] + b"\xff\xff\xff\xffIDAT" + PNG[41:], "image_truncated"),
    "png of an unknown colour type": (png(2, 2, b"\0" * 14, colour=5), "image_truncated"),
    "png palette picture without palette": (png(2, 2, b"\0" * 6, colour=3), "image_truncated"),
    "only a jpeg start": (b"\xff\xd8\xff\xe0\0\x10JFIF", "image_truncated"),
    "half a jpeg": (JPEG[: len(JPEG) // 2], "image_truncated"),
    "jpeg without tables": (b"\xff\xd8\xff\xda" + b"\0" * 64 + b"\xff\xd9", "image_truncated"),
    "half a progressive jpeg": (PROGRESSIVE[: len(PROGRESSIVE) // 2], "image_truncated"),
    "webp shorter than it says": (WEBP[:-10], "image_truncated"),
    "webp without picture": (riff(webp_chunk(b"EXIF", b"\0" * 40)), "image_truncated"),
    "webp of noise": (riff(webp_chunk(b"VP8L", b"\x2f\x3f\xc0\x0f\0" + bytes(range(200)))), "image_truncated"),
    "zTXt bomb": (text_bomb(b"zTXt"), "image_decode_failed"),
    "iTXt bomb": (text_bomb(b"iTXt"), "image_decode_failed"),
}


def refusal(folder: Path, data: bytes) -> Refused:
    source, target = folder / "sent", folder / "made"
    source.write_bytes(data)
    with pytest.raises(Refused) as caught:
        decode(source, target)
    assert not target.exists()
    return caught.value


@pytest.mark.parametrize("name", REFUSED)
def test_each_bad_file_gets_its_code(name: str, tmp_path: Path) -> None:
    data, code = REFUSED[name]
    refused = refusal(tmp_path, data)
    assert refused.code == code
    assert code in CODES


def test_the_pixel_bomb_is_small_and_its_refusal_tells_limit_and_actual(tmp_path: Path) -> None:
    bomb = pixel_bomb()
    assert len(bomb) < 25_000
    assert refusal(tmp_path, bomb).data == {"limit": 64_000_000, "actual": 169_000_000}
    assert refusal(tmp_path, REFUSED["png too wide"][0]).data == {"limit": 16_384, "actual": 16_385}


@given(cut=st.integers(1, len(PNG) - 1))
@settings(max_examples=80, deadline=None)
def test_a_png_cut_anywhere_is_refused(tmp_path_factory: pytest.TempPathFactory, cut: int) -> None:
    code = refusal(tmp_path_factory.getbasetemp(), PNG[:cut]).code
    assert code == ("image_truncated" if cut >= len(PNG_SIGNATURE) else "image_unrecognised")


@given(place=st.integers(8, len(PNG) - 1))
@settings(max_examples=80, deadline=None)
def test_a_png_with_any_byte_changed_is_refused(tmp_path_factory: pytest.TempPathFactory, place: int) -> None:
    assert refusal(tmp_path_factory.getbasetemp(), changed(PNG, place)).code.startswith("image_")


@given(cut=st.integers(3, len(JPEG) - 3))
@settings(max_examples=80, deadline=None)
def test_a_jpeg_cut_anywhere_before_its_end_mark_is_refused(tmp_path_factory: pytest.TempPathFactory, cut: int) -> None:
    assert refusal(tmp_path_factory.getbasetemp(), JPEG[:cut]).code == "image_truncated"


@given(cut=st.integers(12, len(WEBP) - 1))
@settings(max_examples=60, deadline=None)
def test_a_webp_cut_anywhere_is_refused(tmp_path_factory: pytest.TempPathFactory, cut: int) -> None:
    assert refusal(tmp_path_factory.getbasetemp(), WEBP[:cut]).code == "image_truncated"


@given(place=st.integers(3, len(JPEG) - 1), value=st.integers(0, 255), kind=st.sampled_from([JPEG, WEBP, PROGRESSIVE]))
@settings(max_examples=150, deadline=None)
def test_damage_is_refused_or_decoded_and_nothing_else(
    tmp_path_factory: pytest.TempPathFactory, place: int, value: int, kind: bytes
) -> None:
    folder = tmp_path_factory.getbasetemp()
    (folder / "sent").write_bytes(changed(kind, place, lambda _: value))
    try:
        code = None if decode(folder / "sent", folder / "made").width else "no width"
        (folder / "made").unlink()
    except Refused as refused:
        code = refused.code
    assert code is None or code in CODES
