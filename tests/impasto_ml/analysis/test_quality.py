"""Each measure of quality moves with what it measures, and only then."""

import io
import itertools

import numpy as np
import pytest
from PIL import Image, ImageFilter

from impasto_ml.analysis.quality import read_quality

from .pictures import gradient, photograph

PHOTOGRAPHS = ("chelsea", "coffee", "astronaut")


def recompressed(picture: Image.Image, quality: int) -> Image.Image:
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=quality)
    return Image.open(buffer).convert("RGB")


def noisy(picture: Image.Image, deviation: float) -> Image.Image:
    pixels = np.asarray(picture, dtype=float)
    # One draw for all channels: luma then has the deviation asked for.
    grain = np.random.default_rng(0).normal(0, deviation, pixels.shape[:2])[..., None]
    return Image.fromarray((pixels + grain).clip(0, 255).round().astype(np.uint8))


def falls(values: list[float]) -> bool:
    return all(later < earlier for earlier, later in itertools.pairwise(values))


@pytest.mark.parametrize("name", PHOTOGRAPHS)
def test_blur_lowers_sharpness(name: str) -> None:
    original = photograph(name)
    measures = [read_quality(original.filter(ImageFilter.GaussianBlur(sigma))).sharpness for sigma in (0, 1, 2, 4, 8)]
    assert falls([measure.value for measure in measures])
    assert measures[0].word in ("sharp", "crisp")
    assert measures[-1].word == "blurred"


@pytest.mark.parametrize("name", PHOTOGRAPHS)
def test_noise_is_estimated_in_levels(name: str) -> None:
    values = [read_quality(noisy(photograph(name), deviation)).noise for deviation in (0, 4, 8, 16)]
    assert falls([-measure.value for measure in values])
    assert falls([measure.score for measure in values])
    assert values[2].value == pytest.approx(8, rel=0.3)


@pytest.mark.parametrize("name", PHOTOGRAPHS)
def test_compression_raises_blockiness(name: str) -> None:
    original = photograph(name)
    values = [read_quality(original).blockiness.value]
    values += [read_quality(recompressed(original, quality)).blockiness.value for quality in (60, 30, 15, 5)]
    assert falls([-value for value in values])
    assert values[0] < 0.1
    assert values[-1] > 0.8


def test_blocks_are_found_after_a_crop_off_the_grid() -> None:
    squeezed = recompressed(photograph("coffee"), 10)
    cropped = squeezed.crop((3, 5, squeezed.width, squeezed.height))
    assert read_quality(cropped).blockiness.value > 0.5 * read_quality(squeezed).blockiness.value


def test_exposure_counts_what_is_clipped() -> None:
    pixels = np.full((100, 100), 128, dtype=np.uint8)
    pixels[:20] = 0
    pixels[95:] = 255
    measure = read_quality(Image.fromarray(pixels)).exposure
    assert measure.value == pytest.approx(0.25)
    assert measure.word == "clipped"
    brighter = [photograph("chelsea").point(lambda v, gain=gain: v * gain) for gain in (1.0, 1.4, 2.0)]
    assert falls([read_quality(picture).exposure.score for picture in brighter])


def test_resolution_follows_the_size() -> None:
    results = [read_quality(gradient(side, side)).resolution for side in (128, 512, 1024, 3000)]
    assert falls([-result.score for result in results])
    assert [result.word for result in results] == ["thumbnail", "small", "screen size", "print size"]
    assert results[2].value == pytest.approx(1.0486)


def test_a_clean_gradient_has_neither_noise_nor_blocks() -> None:
    quality = read_quality(gradient(400, 300))
    assert quality.noise.value < 1
    assert quality.blockiness.value < 0.3


def test_noise_of_a_large_picture_is_read_in_native_pixels() -> None:
    large = noisy(photograph("coffee").resize((2400, 1600), Image.Resampling.BICUBIC), 8)
    assert read_quality(large).noise.value == pytest.approx(8, rel=0.3)


def test_overall_is_the_mean_of_the_scores_and_falls_with_damage() -> None:
    original = photograph("coffee")
    quality = read_quality(original)
    scores = [quality.sharpness, quality.noise, quality.exposure, quality.blockiness, quality.resolution]
    assert quality.overall == pytest.approx(np.mean([measure.score for measure in scores]), abs=1e-3)
    damaged = recompressed(original.filter(ImageFilter.GaussianBlur(3)), 8)
    assert read_quality(damaged).overall < quality.overall - 0.2


@pytest.mark.parametrize("size", [(1, 1), (5, 400), (17, 17)])
def test_the_smallest_pictures_have_a_quality_too(size: tuple[int, int]) -> None:
    assert 0 <= read_quality(Image.new("RGB", size, (90, 90, 90))).overall <= 1
