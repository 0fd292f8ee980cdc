"""Reads how a repository wants its pictures made, and makes them so with Pillow: no code of the repository's runs.

A repository says it in the words of one of four processors (or of timm); all of them come down to one resize, one cut
and one line per channel.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from impasto_ml.data.pictures import flatten

from .backbone_identity import Preprocessing, Resampling

# Pillow's numbers, which is how processors write them.
_RESAMPLING: Final[Mapping[int, Resampling]] = {
    0: "nearest", 1: "lanczos", 2: "bilinear", 3: "bicubic", 4: "box", 5: "hamming",
}  # fmt: skip
_WARPED_FROM: Final = 384  # ConvNeXT's processor cuts the centre out of smaller pictures only
_PROCESSORS: Final = ("ViT", "ConvNext", "Bit", "EfficientNet")


def preprocessing_of(told: Mapping[str, Any]) -> Preprocessing:
    """Of a `preprocessor_config.json`. LookupError, ValueError, TypeError, ArithmeticError where it makes no sense."""
    kind = _processor(told)
    (height, width), shorter = _geometry(told, kind)
    # x * factor - offset, then (y - mean) / deviation, and once more by the deviation where the processor does so.
    factor = float(told.get("rescale_factor", 1 / 255)) * 255
    offset = 1.0 if kind == "EfficientNet" and told.get("rescale_offset", False) else 0.0
    normalised = bool(told.get("do_normalize", True))
    mean = _channels(told["image_mean"]) if normalised else [0.0] * 3
    deviation = _channels(told["image_std"]) if normalised else [1.0] * 3
    if kind == "EfficientNet" and told.get("include_top", True):
        deviation = [first * again for first, again in zip(deviation, _channels(told["image_std"]), strict=True)]
        mean = mean if normalised else [0.0] * 3
    return Preprocessing(
        height,
        width,
        shorter,
        _three([(value + offset) / factor for value in mean]),
        _three([value / factor for value in deviation]),
        _RESAMPLING[int(told.get("resample", 3))],
    )


def timm_preprocessing_of(told: Mapping[str, Any]) -> Preprocessing:
    """Of the `pretrained_cfg` in a timm repository's `config.json`. Raises as `preprocessing_of` does."""
    channels, height, width = told["input_size"]
    if channels != 3:
        raise ValueError("only pictures with three channels are made")
    share = float(told.get("crop_pct", 0.875))
    if not 0.1 < share <= 1:
        raise ValueError("crop_pct is a share")
    resampling: Resampling = told.get("interpolation", "bicubic")
    shorter = int(max(height, width) / share)
    return Preprocessing(
        height, width, shorter, _three(_channels(told["mean"])), _three(_channels(told["std"])), resampling
    )


def made_pixels(pictures: Sequence[Image.Image], steps: Preprocessing) -> NDArray[np.float32]:
    """B x 3 x height x width, normalised."""
    rows = [np.asarray(_fitted(flatten(picture), steps), dtype=np.float32) for picture in pictures]
    mean, deviation = np.array(steps.mean, np.float32), np.array(steps.deviation, np.float32)
    pixels_BHWC = (np.stack(rows) / 255 - mean) / deviation
    result: NDArray[np.float32] = np.ascontiguousarray(pixels_BHWC.transpose(0, 3, 1, 2), dtype=np.float32)
    return result


def _fitted(picture: Image.Image, steps: Preprocessing) -> Image.Image:
    box = (0.0, 0.0, float(picture.width), float(picture.height))
    if steps.shorter_side is not None:
        # Cut and resized in one step: a strip of a thousand to one is never blown up whole.
        scale = min(picture.size) / steps.shorter_side
        width, height = steps.width * scale, steps.height * scale
        left, top = (picture.width - width) / 2, (picture.height - height) / 2
        box = (max(0.0, left), max(0.0, top), left + width, top + height)
    how = Image.Resampling[steps.resampling.upper()]
    return picture.resize((steps.width, steps.height), how, box=box)


def _processor(told: Mapping[str, Any]) -> str:
    name = str(told.get("image_processor_type") or told.get("feature_extractor_type") or "ViTImageProcessor")
    for kind in _PROCESSORS:
        if name.removesuffix("Fast").removesuffix("Pil") in (f"{kind}ImageProcessor", f"{kind}FeatureExtractor"):
            return kind
    raise ValueError(f"pictures are not made as by {name!r}; known are {', '.join(_PROCESSORS)}")


def _geometry(told: Mapping[str, Any], kind: str) -> tuple[tuple[int, int], int | None]:
    """The size in pixels, height first, and the shorter side to resize to before the centre is cut out."""
    size = told["size"]
    shorter = size if isinstance(size, int) and kind in ("ConvNext", "Bit") else None
    if isinstance(size, Mapping):
        shorter = size.get("shortest_edge")
    if kind == "ConvNext":
        share = float(told.get("crop_pct") or 224 / 256)
        if shorter is None or not 0.1 < share <= 1:
            raise ValueError("ConvNeXT's processor has a shortest_edge, and crop_pct is a share")
        return (shorter, shorter), int(shorter / share) if shorter < _WARPED_FROM else None
    if told.get("do_center_crop", kind == "Bit"):
        cut = _sides(told["crop_size"])
        # A picture stretched to a square first keeps nothing of its aspect: only its shorter side is kept here.
        return cut, shorter if shorter is not None else max(_sides(size))
    return (shorter, shorter) if shorter is not None else _sides(size), shorter


def _sides(size: Any) -> tuple[int, int]:
    return (size, size) if isinstance(size, int) else (size["height"], size["width"])


def _channels(values: Any) -> list[float]:
    return [float(value) for value in ([values] * 3 if isinstance(values, (int, float)) else values)]


def _three(values: Sequence[float]) -> tuple[float, float, float]:
    first, second, third = values
    return first, second, third
