"""Picture preparation: geometry, saliency, normalisation and cheap decoding."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw
from skimage import data

from impasto_ml.data.pictures import PictureTooLarge, open_picture
from impasto_ml.data.prepare import Fit, PictureRecipe, Rotation, prepare_picture


def _halves() -> Image.Image:
    """Left half red, right half blue, twice as wide as high."""
    picture = Image.new("RGB", (200, 100), "red")
    picture.paste("blue", (100, 0, 200, 100))
    return picture


@pytest.mark.parametrize("fit", ["pad", "centre_crop", "salient_crop", "stretch"])
@pytest.mark.parametrize("size", [(200, 100), (60, 90), (1, 500), (64, 64)])
def test_every_fit_gives_the_square_asked_for(fit: Fit, size: tuple[int, int]) -> None:
    prepared = prepare_picture(Image.new("RGB", size, "green"), PictureRecipe(size_px=64, fit=fit))
    assert prepared.image.size == (64, 64)
    assert prepared.image.mode == "RGB"
    assert prepared.source_size == size


def test_padding_keeps_the_whole_picture_in_the_middle() -> None:
    prepared = prepare_picture(_halves(), PictureRecipe(size_px=100, fit="pad", background="#00ff00"))
    assert prepared.content == (0, 25, 100, 75)
    assert prepared.image.getpixel((50, 10)) == (0, 255, 0)
    assert prepared.image.getpixel((10, 50)) == (255, 0, 0)
    assert prepared.image.getpixel((90, 50)) == (0, 0, 255)


def test_what_is_transparent_shows_the_same_background_as_the_padding() -> None:
    clear = Image.new("RGBA", (60, 30), (255, 0, 0, 0))
    prepared = prepare_picture(clear, PictureRecipe(size_px=32, background="#102030")).image
    assert prepared.getcolors() == [(32 * 32, (16, 32, 48))]


def test_a_centre_crop_takes_the_centre() -> None:
    prepared = prepare_picture(_halves(), PictureRecipe(size_px=50, fit="centre_crop"))
    assert prepared.crop == (50, 0, 150, 100)
    assert prepared.image.getpixel((5, 25)) == (255, 0, 0)
    assert prepared.image.getpixel((45, 25)) == (0, 0, 255)


@pytest.mark.parametrize(("degrees", "corner"), [(0, "red"), (90, "red"), (180, "blue"), (270, "blue")])
def test_turns_are_clockwise(degrees: Rotation, corner: str) -> None:
    prepared = prepare_picture(_halves(), PictureRecipe(size_px=100, fit="stretch", rotate=degrees))
    expected = {"red": (255, 0, 0), "blue": (0, 0, 255)}[corner]
    assert prepared.image.getpixel((3, 3)) == expected


@pytest.mark.parametrize(("place", "wide"), [(20, True), (280, True), (20, False), (280, False)])
def test_the_salient_crop_follows_the_thing_to_see(place: int, wide: bool) -> None:
    picture = Image.new("RGB", (300, 100) if wide else (100, 300), "#dddddd")
    x, y = (place, 50) if wide else (50, place)
    ImageDraw.Draw(picture).ellipse((x - 15, y - 15, x + 15, y + 15), fill="#cc2200")
    left, top, right, bottom = prepare_picture(picture, PictureRecipe(size_px=64, fit="salient_crop")).crop
    assert left <= x - 15 <= x + 15 <= right
    assert top <= y - 15 <= y + 15 <= bottom


def test_where_nothing_stands_out_the_salient_crop_is_the_centre() -> None:
    blank = Image.new("RGB", (300, 100), "white")
    assert prepare_picture(blank, PictureRecipe(size_px=64, fit="salient_crop")).crop == (100, 0, 200, 100)


def test_autocontrast_uses_the_whole_range_and_leaves_the_padding() -> None:
    dull = Image.fromarray(np.linspace(100, 150, 64 * 32).reshape(32, 64).astype(np.uint8))
    prepared = prepare_picture(dull, PictureRecipe(size_px=64, normalise="autocontrast", background="#808080"))
    inside = np.asarray(prepared.image.crop(prepared.content))
    assert inside.min() < 10
    assert inside.max() > 245
    assert prepared.image.getpixel((0, 0)) == (128, 128, 128)


def test_grey_world_takes_a_cast_away_within_bounds() -> None:
    cast = Image.fromarray((data.astronaut() * np.array([1.0, 0.8, 0.7])).astype(np.uint8))
    recipe = PictureRecipe(size_px=64, fit="stretch", normalise="grey_world")
    means = np.asarray(prepare_picture(cast, recipe).image).reshape(-1, 3).mean(0)
    assert np.ptp(means) < 6
    red = prepare_picture(Image.new("RGB", (9, 9), "red"), recipe).image
    assert red.getpixel((5, 5))[0] >= 127


def test_a_jpeg_is_decoded_at_the_scale_needed_and_looks_the_same(tmp_path: Path) -> None:
    path = tmp_path / "photo.jpg"
    photo = Image.fromarray(data.astronaut()).resize((2048, 1536), Image.Resampling.BICUBIC)
    photo.save(path, quality=95)
    quick = open_picture(path, size_px=200)
    assert min(quick.size) >= 200
    assert max(quick.size) <= 600
    recipe = PictureRecipe(size_px=200, fit="centre_crop")
    a, b = (np.asarray(prepare_picture(p, recipe).image, dtype=float) for p in (quick, open_picture(path)))
    assert 10 * np.log10(255**2 / np.mean((a - b) ** 2)) > 36


def test_pictures_stand_upright_as_their_camera_says() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # turned a quarter clockwise for display
    buffer = io.BytesIO()
    _halves().save(buffer, "JPEG", exif=exif)
    assert open_picture(buffer, size_px=10).height > open_picture(buffer, size_px=10).width


def test_a_picture_that_would_fill_memory_is_refused_before_decoding() -> None:
    buffer = io.BytesIO()
    Image.new("1", (5000, 5000)).save(buffer, "PNG")
    with pytest.raises(PictureTooLarge, match="5000 x 5000"):
        open_picture(buffer, max_pixels=20_000_000)


def test_upscaling_is_reported() -> None:
    small, large = Image.new("RGB", (20, 10)), Image.new("RGB", (900, 700))
    assert prepare_picture(small, PictureRecipe(size_px=64)).upscaled
    assert not prepare_picture(large, PictureRecipe(size_px=64)).upscaled


@pytest.mark.parametrize(
    "wrong", [{"size_px": 4}, {"fit": "squash"}, {"rotate": 45}, {"normalise": "hdr"}, {"background": "nocolour"}]
)
def test_recipes_that_mean_nothing_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r".+"):
        PictureRecipe(**wrong)  # type: ignore[arg-type]
