"""The declared ways a picture may have suffered before a model sees it; a model's report has a row for each."""

import io
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageEnhance, ImageFilter

from impasto_ml.data.pictures import flatten

Random = np.random.Generator


@dataclass(frozen=True)
class Perturbation:
    """`apply(picture, random)` gives an RGB picture. Without `random` in it, one run says all and `seeded` is False."""

    name: str
    seeded: bool
    apply: Callable[[Image.Image, Random], Image.Image]

    def __call__(self, picture: Image.Image, seed: int, key: str) -> Image.Image:
        """The same seed and key give the same picture, in whatever order pictures come."""
        words = np.frombuffer(key.encode() or b"\0", dtype=np.uint8)
        return self.apply(flatten(picture), np.random.default_rng([seed, *words.tolist()]))


def _jpeg(picture: Image.Image, _: Random) -> Image.Image:
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=50)
    return Image.open(buffer).convert("RGB")


def _blur(picture: Image.Image, _: Random) -> Image.Image:
    # In proportion to the picture, so that a thumbnail and a poster lose the same detail.
    return picture.filter(ImageFilter.GaussianBlur(min(picture.size) / 160))


def _brightness(picture: Image.Image, random: Random) -> Image.Image:
    return ImageEnhance.Brightness(picture).enhance(float(random.choice([0.75, 1.25])))


def _rotate(picture: Image.Image, random: Random) -> Image.Image:
    angle = float(random.choice([-10.0, 10.0]))
    return picture.rotate(angle, Image.Resampling.BICUBIC, fillcolor=picture.getpixel((0, 0)))


def _crop(picture: Image.Image, random: Random) -> Image.Image:
    width, height = (max(1, round(extent * 0.9)) for extent in picture.size)
    left = int(random.integers(picture.width - width + 1))
    top = int(random.integers(picture.height - height + 1))
    return picture.crop((left, top, left + width, top + height))


def _greyscale(picture: Image.Image, _: Random) -> Image.Image:
    return picture.convert("L").convert("RGB")


def _noise(picture: Image.Image, random: Random) -> Image.Image:
    pixels = np.asarray(picture, dtype=np.float32)
    noisy = pixels + random.normal(0.0, 8.0, pixels.shape)
    return Image.fromarray(np.clip(np.rint(noisy), 0, 255).astype(np.uint8))


PERTURBATIONS: tuple[Perturbation, ...] = (
    Perturbation("jpeg_q50", False, _jpeg),
    Perturbation("blur", False, _blur),
    Perturbation("brightness", True, _brightness),
    Perturbation("rotate_10", True, _rotate),
    Perturbation("crop_90", True, _crop),
    Perturbation("greyscale", False, _greyscale),
    Perturbation("noise", True, _noise),
)
