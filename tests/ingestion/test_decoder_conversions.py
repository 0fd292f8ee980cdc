"""Files that are taken: what becomes of their pixels, and that nothing else of them is kept."""

from __future__ import annotations

import io
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageCms, ImageOps, JpegImagePlugin
from PIL.PngImagePlugin import PngInfo

from impasto_ingestion.decoder.decoding import Decoded, decode
from tests.ingestion.pictures import archive, chunk, corners, encoded, grey_ramp, oriented, png, scene


def taken(folder: Path, data: bytes) -> tuple[Decoded, Image.Image, bytes]:
    """What the decoder says, the picture it made, and that picture's file."""
    source, target = folder / "sent", folder / "made"
    source.write_bytes(data)
    said, made = decode(source, target), target.read_bytes()
    picture = Image.open(io.BytesIO(made))
    picture.load()
    assert picture.size == (said.width, said.height)
    assert picture.get_format_mimetype() == said.media_type
    return said, picture, made


def psnr(left: Image.Image, right: Image.Image) -> float:
    difference = np.asarray(left, np.float64) - np.asarray(right, np.float64)
    return float(10 * np.log10(255**2 / max((difference**2).mean(), 1e-9)))


@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
@pytest.mark.parametrize(("kind", "settings"), [("PNG", {}), ("WEBP", {"lossless": True, "exact": True})])
def test_lossless_files_keep_every_pixel_and_need_no_warning(
    mode: str, kind: str, settings: dict[str, Any], tmp_path: Path
) -> None:
    picture = scene(mode=mode)
    if mode == "RGBA":
        picture.putalpha(Image.linear_gradient("L").resize(picture.size))
    said, made, _ = taken(tmp_path, encoded(picture, kind, **settings))
    assert (said.media_type, said.warnings) == ("image/png", [])
    assert made.mode == mode
    assert made.tobytes() == picture.tobytes()


def test_a_lossy_webp_becomes_a_jpeg_close_to_it(tmp_path: Path) -> None:
    data = encoded(scene(256, 256), "WEBP", quality=80)
    said, made, _ = taken(tmp_path, data)
    assert said.media_type == "image/jpeg"
    assert psnr(Image.open(io.BytesIO(data)).convert("RGB"), made) > 40


def test_a_lossy_webp_with_alpha_keeps_it_as_a_png(tmp_path: Path) -> None:
    picture = scene(mode="RGBA")
    picture.putalpha(Image.linear_gradient("L").resize(picture.size))
    said, made, _ = taken(tmp_path, encoded(picture, "WEBP", quality=80))
    assert (said.media_type, made.mode) == ("image/png", "RGBA")
    assert made.getchannel("A").getextrema()[0] < 10


@pytest.mark.parametrize("subsampling", [0, 1, 2])
@pytest.mark.parametrize("quality", [60, 85, 95])
def test_a_jpeg_keeps_its_size_and_almost_every_pixel(quality: int, subsampling: int, tmp_path: Path) -> None:
    data = encoded(scene(320, 240), "JPEG", quality=quality, subsampling=subsampling)
    said, made, file = taken(tmp_path, data)
    assert (said.media_type, said.warnings) == ("image/jpeg", [])
    assert psnr(Image.open(io.BytesIO(data)), made) > 42
    assert len(file) < 1.05 * len(data)
    assert JpegImagePlugin.get_sampling(made) == subsampling


def test_a_jpeg_with_a_zero_in_its_tables_is_coded_with_other_tables(tmp_path: Path) -> None:
    data = encoded(scene(), "JPEG", quality=90)
    place = data.index(b"\xff\xdb") + 5
    said, made, _ = taken(tmp_path, data[:place] + b"\0" + data[place + 1 :])
    assert said.media_type == "image/jpeg"
    assert all(min(table) >= 1 for table in made.quantization.values())  # type: ignore[attr-defined]


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_every_orientation_is_applied_and_its_tag_is_gone(orientation: int, kind: str, tmp_path: Path) -> None:
    said, made, _ = taken(tmp_path, oriented(orientation, kind))
    tagged = corners()
    tagged.getexif()[0x0112] = orientation
    upright = ImageOps.exif_transpose(tagged)
    assert made.size == upright.size == ((32, 16) if orientation <= 4 else (16, 32))
    assert psnr(upright, made) > 40
    assert said.warnings == ([] if orientation == 1 else ["rotated by EXIF"])
    assert 0x0112 not in made.getexif()


def test_orientation_six_puts_the_left_edge_on_top(tmp_path: Path) -> None:
    _, made, _ = taken(tmp_path, oriented(6))
    places = {(0, 0): (0, 0, 255), (15, 0): (255, 0, 0), (0, 31): (255, 255, 255), (15, 31): (0, 255, 0)}
    assert {place: made.getpixel(place) for place in places} == places


@pytest.mark.parametrize(
    "junk", [b"Exif\0\0", b"Exif\0\0II*\0\xff\xff\xff\xff", b"Exif\0\0MM\0*\0\0\0\x08\xff\xff" * 9]
)
def test_broken_exif_is_ignored(junk: bytes, tmp_path: Path) -> None:
    said, made, _ = taken(tmp_path, encoded(scene(), "JPEG", exif=junk))
    assert made.size == scene().size
    assert set(said.warnings) <= {"unreadable EXIF ignored"}


def test_a_cmyk_jpeg_becomes_srgb(tmp_path: Path) -> None:
    said, made, _ = taken(tmp_path, encoded(Image.new("CMYK", (32, 32), (0, 255, 255, 0)), "JPEG", quality=95))
    assert said.warnings == ["converted from CMYK"]
    red, green, blue = made.convert("RGB").getpixel((16, 16))  # type: ignore[misc]
    assert (red > 230, green < 30, blue < 30) == (True, True, True)


def test_a_grey_ramp_of_16_bits_keeps_its_ramp(tmp_path: Path) -> None:
    said, made, _ = taken(tmp_path, grey_ramp())
    assert said.warnings == ["converted from 16 bits a channel"]
    assert [made.getpixel((x, 0)) for x in range(256)] == [(x, x, x) for x in range(256)]


def test_16_bit_grey_with_a_transparent_value_keeps_it_transparent(tmp_path: Path) -> None:
    rows = b"\0" + struct.pack(">HHH", 0, 257 * 9, 65535)
    data = png(3, 1, rows, depth=16, colour=0, before=chunk(b"tRNS", struct.pack(">H", 257 * 9)))
    _, made, _ = taken(tmp_path, data)
    assert [made.getpixel((x, 0))[3] for x in range(3)] == [255, 0, 255]  # type: ignore[index]


@pytest.mark.parametrize(("colour", "channels"), [(2, 3), (6, 4), (4, 2)])
def test_16_bit_colour_is_scaled_and_told(colour: int, channels: int, tmp_path: Path) -> None:
    rows = b"\0" + b"".join(struct.pack(">H", value) * channels for value in (0, 0x8000, 0xFFFF))
    said, made, _ = taken(tmp_path, png(3, 1, rows, depth=16, colour=colour))
    assert [made.getpixel((x, 0))[0] for x in range(3)] == [0, 128, 255]  # type: ignore[index]
    assert len(said.warnings) == 1
    assert "16 bits" in said.warnings[0] or "greyscale" in said.warnings[0]


def test_a_palette_with_alpha_becomes_rgba(tmp_path: Path) -> None:
    picture = Image.new("P", (2, 1))
    picture.putpalette([255, 0, 0, 0, 255, 0])
    picture.putdata([0, 1])
    said, made, _ = taken(tmp_path, encoded(picture, transparency=bytes([128, 255])))
    assert said.warnings == ["converted from a palette"]
    assert [made.getpixel((x, 0)) for x in range(2)] == [(255, 0, 0, 128), (0, 255, 0, 255)]


def test_a_palette_without_alpha_becomes_rgb(tmp_path: Path) -> None:
    picture = scene().quantize(16)
    said, made, _ = taken(tmp_path, encoded(picture))
    assert (said.warnings, made.mode) == (["converted from a palette"], "RGB")
    assert made.tobytes() == picture.convert("RGB").tobytes()


def test_an_rgb_png_with_a_transparent_colour_becomes_rgba(tmp_path: Path) -> None:
    _, made, _ = taken(tmp_path, encoded(corners(), transparency=(255, 0, 0)))
    assert (made.getpixel((0, 0))[3], made.getpixel((31, 0))[3]) == (0, 255)  # type: ignore[index]


@pytest.mark.parametrize(("mode", "made_mode"), [("L", "RGB"), ("LA", "RGBA"), ("1", "RGB")])
def test_grey_and_1_bit_become_colour_with_the_same_values(mode: str, made_mode: str, tmp_path: Path) -> None:
    picture = scene(mode=mode)
    said, made, _ = taken(tmp_path, encoded(picture))
    assert made.mode == made_mode
    assert made.tobytes() == picture.convert(made_mode).tobytes()
    assert len(said.warnings) == 1


def test_a_grey_jpeg_becomes_rgb_with_its_own_tables(tmp_path: Path) -> None:
    data = encoded(scene(200, 200, "L"), "JPEG", quality=80)
    said, made, file = taken(tmp_path, data)
    assert said.warnings == ["converted from greyscale"]
    assert made.mode == "RGB"
    assert psnr(Image.open(io.BytesIO(data)).convert("RGB"), made) > 45
    assert len(file) < 2 * len(data)


def swapped_profile() -> bytes:
    """An RGB profile that is not sRGB: sRGB with the places of its red and blue colorants swapped."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    red, blue = profile.index(b"rXYZ", 128), profile.index(b"bXYZ", 128)
    profile[red : red + 4], profile[blue : blue + 4] = b"bXYZ", b"rXYZ"
    return bytes(
        profile.replace("sRGB".encode("utf-16-be"), "swap".encode("utf-16-be")).replace(b"sRGB built", b"swap built")
    )


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_a_colour_profile_is_applied_and_then_gone(kind: str, tmp_path: Path) -> None:
    settings = {"PNG": {}, "JPEG": {"quality": 95}, "WEBP": {"lossless": True}}[kind]
    data = encoded(Image.new("RGB", (32, 32), (250, 10, 20)), kind, icc_profile=swapped_profile(), **settings)
    said, made, _ = taken(tmp_path, data)
    assert said.warnings == ["converted to sRGB by its colour profile"]
    red, _, blue = made.getpixel((16, 16))  # type: ignore[misc]
    assert (red < 40, blue > 220) == (True, True)
    assert "icc_profile" not in made.info


def test_alpha_survives_a_colour_profile(tmp_path: Path) -> None:
    picture = Image.new("RGBA", (8, 8), (250, 10, 20, 77))
    said, made, _ = taken(tmp_path, encoded(picture, icc_profile=swapped_profile()))
    assert said.warnings == ["converted to sRGB by its colour profile"]
    assert made.getpixel((4, 4))[3] == 77  # type: ignore[index]


def test_an_srgb_profile_changes_no_pixel_and_needs_no_warning(tmp_path: Path) -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    said, made, _ = taken(tmp_path, encoded(scene(), icc_profile=profile))
    assert said.warnings == []
    assert made.tobytes() == scene().tobytes()


@pytest.mark.parametrize(
    "profile", [b"no profile", swapped_profile()[:200], b"\0" * 128, b"x" * 16 + b"CMYK" + b"x" * 300]
)
def test_a_broken_or_foreign_profile_is_ignored_with_a_warning(profile: bytes, tmp_path: Path) -> None:
    said, made, _ = taken(tmp_path, encoded(scene(), icc_profile=profile))
    assert said.warnings == ["unusable colour profile ignored"]
    assert made.tobytes() == scene().tobytes()


def secretive() -> dict[str, bytes]:
    """Files that carry SECRET in every place that there is."""
    text = PngInfo()
    text.add_text("SECRET", "SECRET")
    text.add_itxt("SECRET", "SECRET", zip=False)
    exif = Image.Exif()
    exif[0x010E] = exif[0x013B] = "SECRET"
    jpeg = encoded(scene(), "JPEG", exif=exif, comment=b"SECRET", xmp=b"SECRET")
    return {
        "png": encoded(scene(), pnginfo=text, exif=exif) + b"SECRET",
        "jpeg": jpeg + b"SECRET" + archive(),
        "grey jpeg": encoded(scene(mode="L"), "JPEG", comment=b"SECRET", exif=exif) + b"SECRET",
        "webp": encoded(scene(), "WEBP", lossless=True, exif=exif, xmp=b"SECRET") + b"SECRET",
        "lossy webp": encoded(scene(), "WEBP", exif=exif, xmp=b"SECRET") + b"<script>SECRET</script>",
    }


@pytest.mark.parametrize("name", secretive())
def test_nothing_but_pixels_is_passed_on(name: str, tmp_path: Path) -> None:
    data = secretive()[name]
    assert b"SECRET" in data
    _, made, file = taken(tmp_path, data)
    assert b"SECRET" not in file
    assert not made.getexif()
    assert not {"comment", "icc_profile", "xmp", "exif"} & set(made.info)


def test_an_archive_behind_a_jpeg_is_gone(tmp_path: Path) -> None:
    _, _, file = taken(tmp_path, encoded(scene(), "JPEG") + archive())
    assert b"PK\3\4" not in file
    assert file.endswith(b"\xff\xd9")


def test_the_same_picture_gives_the_same_bytes(tmp_path: Path) -> None:
    for data in (encoded(scene()), encoded(scene(), "JPEG")):
        assert taken(tmp_path, data)[2] == taken(tmp_path, data)[2]
