"""Upscaling with the real networks."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFilter

from impasto_ml.upscaling.upscaler import Upscaler, UpscalingCanceled


@pytest.fixture(scope="module")
def fast(upscaler_folder: Path) -> Upscaler:
    return Upscaler.load(upscaler_folder, "fast")


def difference(one: Image.Image, other: Image.Image) -> np.ndarray:
    return np.abs(np.asarray(one, dtype=int) - np.asarray(other, dtype=int))


@pytest.mark.parametrize("factor", [2, 4])
def test_the_result_is_the_picture_enlarged_in_place(fast: Upscaler, face: Image.Image, factor: int) -> None:
    result = fast.upscale(face, factor)  # type: ignore[arg-type]
    assert result.size == (face.width * factor, face.height * factor)
    assert difference(result.resize(face.size, Image.Resampling.BOX), face).mean() < 6
    # A shift by one result pixel is seen: nothing fits as well as the place itself.
    straight = face.resize(result.size, Image.Resampling.BICUBIC)
    here = difference(result, straight).mean()
    for dx, dy in ((2, 0), (-2, 0), (0, 2), (0, -2)):
        moved = np.roll(np.asarray(result), (dy, dx), (0, 1))
        assert difference(Image.fromarray(moved), straight).mean() > here


def test_a_lost_half_of_the_pixels_is_restored_better_than_by_interpolation(
    fast: Upscaler, upscaler_folder: Path, face: Image.Image
) -> None:
    small = face.resize((face.width // 2, face.height // 2), Image.Resampling.BOX)
    plain = small.resize(face.size, Image.Resampling.BICUBIC)
    photo = Upscaler.load(upscaler_folder, "photo").upscale(small, 2)
    assert edge_energy(photo) > 1.2 * edge_energy(plain)
    assert edge_energy(fast.upscale(small, 2)) > edge_energy(plain)


def edge_energy(picture: Image.Image) -> float:
    return float(np.asarray(picture.convert("L").filter(ImageFilter.FIND_EDGES), dtype=float).mean())


def test_tiles_of_the_fast_network_leave_no_trace(upscaler_folder: Path, face: Image.Image) -> None:
    whole = Upscaler.load(upscaler_folder, "fast", tile_side=128).upscale(face)
    tiled = Upscaler.load(upscaler_folder, "fast", tile_side=32).upscale(face)
    assert difference(whole, tiled).max() <= 2


@pytest.mark.parametrize("model", ["photo", "illustration"])
def test_tiles_of_the_deep_networks_leave_no_seam(upscaler_folder: Path, face: Image.Image, model: str) -> None:
    part = face.crop((20, 10, 68, 42))
    whole = np.asarray(Upscaler.load(upscaler_folder, model, tile_side=48).upscale(part), dtype=float)  # type: ignore[arg-type]
    tiled = np.asarray(Upscaler.load(upscaler_folder, model, tile_side=24).upscale(part), dtype=float)  # type: ignore[arg-type]
    assert np.abs(whole - tiled).mean() < 2
    step = np.abs(np.diff(tiled, axis=1)).mean(axis=(0, 2)) - np.abs(np.diff(whole, axis=1)).mean(axis=(0, 2))
    seam = 24 * 4 - 1
    assert abs(step[seam]) < 1.5


def test_the_same_picture_gives_the_same_result(fast: Upscaler, face: Image.Image) -> None:
    assert fast.upscale(face).tobytes() == fast.upscale(face).tobytes()


def test_transparency_is_kept_and_hidden_colours_do_not_bleed(fast: Upscaler) -> None:
    layer = np.zeros((40, 40, 4), dtype=np.uint8)
    layer[..., :3] = (0, 255, 0)
    layer[10:30, 10:30] = (200, 30, 30, 255)
    result = np.asarray(fast.upscale(Image.fromarray(layer)))
    assert result.shape == (160, 160, 4)
    assert result[80, 80, 3] == 255
    assert result[8, 8, 3] == 0
    visible = result[result[..., 3] > 127]
    assert visible[:, 1].max() < 90


def test_progress_counts_every_tile(upscaler_folder: Path, face: Image.Image) -> None:
    seen: list[tuple[int, int]] = []
    upscaler = Upscaler.load(upscaler_folder, "fast", tile_side=48)
    upscaler.upscale(face, 4, lambda done, total: seen.append((done, total)))
    assert seen == [(1, 4), (2, 4), (3, 4), (4, 4)]


def test_a_callback_that_answers_false_ends_the_work(upscaler_folder: Path, face: Image.Image) -> None:
    seen: list[int] = []

    def stop_at_two(done: int, total: int) -> bool:
        seen.append(done)
        return done < 2

    with pytest.raises(UpscalingCanceled, match="2 of 4"):
        Upscaler.load(upscaler_folder, "fast", tile_side=48).upscale(face, 4, stop_at_two)
    assert seen == [1, 2]


@pytest.mark.parametrize("size", [(1, 1), (3, 70)])
def test_the_smallest_pictures_are_enlarged_too(fast: Upscaler, size: tuple[int, int]) -> None:
    result = fast.upscale(Image.new("L", size, 90))
    assert result.size == (size[0] * 4, size[1] * 4)
    assert np.abs(np.asarray(result, dtype=int) - 90).max() < 12


def test_the_callers_mistakes_are_value_errors(upscaler_folder: Path, fast: Upscaler, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="factor"):
        fast.upscale(Image.new("RGB", (8, 8)), 3)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="unknown model"):
        Upscaler.load(upscaler_folder, "oil")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="realesrgan-x4plus"):
        Upscaler.load(tmp_path)
    with pytest.raises(ValueError, match="tile_side"):
        Upscaler.load(upscaler_folder, "fast", tile_side=4)
