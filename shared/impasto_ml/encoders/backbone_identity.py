"""Which pretrained backbone features came from, and how its pictures were made: written into what learns from them."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

Resampling = Literal["nearest", "bilinear", "bicubic", "lanczos", "box", "hamming"]

_NAME = re.compile(r"(?!\.)[A-Za-z0-9._-]{1,80}")
_DIGEST = re.compile(r"[0-9a-f]{64}")
_LARGEST_SIDE = 1024
_LARGEST_WIDTH = 16_384


@dataclass(frozen=True)
class Preprocessing:
    """A picture is resized and cut to `height` x `width` pixels, then (x / 255 - mean) / deviation by channel.

    `shorter_side`: the picture keeps its aspect with this shorter side, in pixels, and its centre is cut out; None
    stretches it to the size.
    """

    height: int
    width: int
    shorter_side: int | None
    mean: tuple[float, float, float]
    deviation: tuple[float, float, float]
    resampling: Resampling = "bicubic"

    def __post_init__(self) -> None:
        for side in (self.height, self.width, self.shorter_side or self.height):
            if type(side) is not int or not 16 <= side <= _LARGEST_SIDE:
                raise ValueError(f"a side of {side!r} pixels is not between 16 and {_LARGEST_SIDE}")
        if self.shorter_side is not None and self.shorter_side < max(self.height, self.width):
            raise ValueError("the picture would be smaller than what is cut out of it")
        for channels in (self.mean, self.deviation):
            if len(channels) != 3 or not all(type(value) is float and math.isfinite(value) for value in channels):
                raise ValueError("mean and deviation are three finite numbers each")
        if min(self.deviation) < 1e-4:
            raise ValueError("a deviation is positive")
        if self.resampling not in get_args(Resampling):
            raise ValueError(f"{self.resampling!r} is not one of {get_args(Resampling)}")


@dataclass(frozen=True)
class BackboneIdentity:
    """`digest`: sha256 of all its files that count; `width`: pooled features a picture; `architecture`: its family."""

    name: str
    digest: str
    architecture: str
    width: int
    preprocessing: Preprocessing

    def __post_init__(self) -> None:
        if not is_backbone_name(self.name) or not _DIGEST.fullmatch(self.digest):
            raise ValueError("not the name and digest of a backbone")
        if type(self.width) is not int or not 1 <= self.width <= _LARGEST_WIDTH:
            raise ValueError(f"{self.width!r} features are not between 1 and {_LARGEST_WIDTH}")

    @classmethod
    def from_json(cls, told: Mapping[str, Any]) -> "BackboneIdentity":
        """As `asdict` wrote it. Raises KeyError, TypeError or ValueError for anything else."""
        steps = told["preprocessing"]
        channels = {name: tuple(map(float, steps[name])) for name in ("mean", "deviation")}
        return cls(**{**told, "preprocessing": Preprocessing(**{**steps, **channels})})


def is_backbone_name(name: str) -> bool:
    """Letters, digits, `.`, `_` and `-`, at most 80, no leading dot: a folder's name, never a path."""
    return _NAME.fullmatch(name) is not None
