"""Brings a picture to the square that a model learns from, by a recipe that can be written down and repeated."""

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageColor, ImageOps

from .pictures import WHITE, flatten
from .saliency import salient_start

Fit = Literal["pad", "centre_crop", "salient_crop", "stretch"]
Rotation = Literal[0, 90, 180, 270]
Normalisation = Literal["none", "autocontrast", "grey_world"]
Box = tuple[int, int, int, int]

# Autocontrast ignores this share of the darkest and lightest pixels, in per cent, so that a speck decides nothing.
_CUTOFF_PERCENT = 0.5
_LARGEST_GAIN = 2.0


@dataclass(frozen=True)
class PictureRecipe:
    """`size_px`: side of the square, 8 to 4096. `rotate`: degrees clockwise. `background`: behind alpha and padding."""

    size_px: int = 256
    fit: Fit = "pad"
    rotate: Rotation = 0
    normalise: Normalisation = "none"
    background: str = WHITE

    def __post_init__(self) -> None:
        if not 8 <= self.size_px <= 4096:
            raise ValueError(f"size_px must be within [8, 4096], not {self.size_px}")
        for value, allowed in ((self.fit, Fit), (self.rotate, Rotation), (self.normalise, Normalisation)):
            if value not in get_args(allowed):
                raise ValueError(f"{value!r} is not one of {get_args(allowed)}")
        ImageColor.getrgb(self.background)


@dataclass(frozen=True)
class PreparedPicture:
    """`image`: RGB, size_px square. `crop`: what of the turned source was used; `content`: where that lies in it now.

    Both boxes are left, top, right, bottom in pixels.
    """

    image: Image.Image
    source_size: tuple[int, int]
    crop: Box
    content: Box

    @property
    def upscaled(self) -> bool:
        """Whether pixels had to be invented: the source was smaller than the square it fills."""
        left, top, right, bottom = self.crop
        x0, y0, x1, y1 = self.content
        return x1 - x0 > right - left or y1 - y0 > bottom - top


def prepare_picture(image: Image.Image, recipe: PictureRecipe) -> PreparedPicture:
    """Flattens, turns, crops, resizes with Lanczos, normalises and pads, in this order."""
    source_size = image.size
    picture = flatten(image, recipe.background)
    if recipe.rotate:
        # Pillow turns anticlockwise.
        picture = picture.rotate(-recipe.rotate, expand=True)
    crop = _crop_box(picture, recipe.fit)
    content = _content_box(picture.size, recipe)
    size = (content[2] - content[0], content[3] - content[1])
    # `box` resamples straight from the source: no intermediate picture, no seam at the crop.
    resized = picture.resize(size, Image.Resampling.LANCZOS, box=crop)
    normalised = _normalise(resized, recipe.normalise)
    if size != (recipe.size_px, recipe.size_px):
        canvas = Image.new("RGB", (recipe.size_px, recipe.size_px), recipe.background)
        canvas.paste(normalised, content[:2])
        normalised = canvas
    return PreparedPicture(normalised, source_size, crop, content)


def _crop_box(picture: Image.Image, fit: Fit) -> Box:
    width, height = picture.size
    side = min(width, height)
    if fit in ("pad", "stretch") or width == height:
        return (0, 0, width, height)
    if fit == "salient_crop":
        left, top = salient_start(picture)
    else:
        left, top = (width - side) // 2, (height - side) // 2
    return (left, top, left + side, top + side)


def _content_box(size: tuple[int, int], recipe: PictureRecipe) -> Box:
    side = recipe.size_px
    if recipe.fit != "pad":
        return (0, 0, side, side)
    scale = side / max(size)
    width, height = (max(1, min(side, round(extent * scale))) for extent in size)
    left, top = (side - width) // 2, (side - height) // 2
    return (left, top, left + width, top + height)


def _normalise(picture: Image.Image, how: Normalisation) -> Image.Image:
    if how == "autocontrast":
        # One curve for all channels, so that hues stay.
        return ImageOps.autocontrast(picture, cutoff=_CUTOFF_PERCENT, preserve_tone=True)
    if how == "grey_world":
        return Image.fromarray(_grey_world(np.asarray(picture)))
    return picture


def _grey_world(pixels_HWC: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Scales the channels to one mean (Buchsbaum 1980); gains stay within [1/2, 2]: red stays red."""
    means = pixels_HWC.reshape(-1, 3).mean(axis=0)
    gains = np.clip(means.mean() / np.maximum(means, 1.0), 1 / _LARGEST_GAIN, _LARGEST_GAIN)
    balanced: NDArray[np.uint8] = np.clip(np.rint(pixels_HWC * gains), 0, 255).astype(np.uint8)
    return balanced
