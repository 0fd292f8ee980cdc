"""Sizes of flowmini. Flavors cut pictures into 16 x 16 patches, so a step costs about the same at 32 and 64 px."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

TEXT_WIDTH = 384
MAX_TOKENS = 24
MAX_STYLES = 64
# A config comes from a file: beyond these nothing was ever made, and memory would go before the weights are looked at.
_MAX_SIDE_PX = 512
_MAX_WIDTH = 1024
_MAX_BLOCKS = 8
_WIDTH_STEP = 8


@dataclass(frozen=True)
class Flavor:
    """`size_px`: side of a picture. `patch`: side of the patches it is cut into. `widths`: channels at 1, 1/2, 1/4."""

    size_px: int
    patch: int
    widths: tuple[int, int, int]
    blocks: int = 2


FLAVORS: Mapping[str, Flavor] = {
    "tiny": Flavor(size_px=32, patch=4, widths=(16, 32, 48), blocks=1),
    "small-32": Flavor(size_px=32, patch=2, widths=(64, 128, 256)),
    "small-64": Flavor(size_px=64, patch=4, widths=(64, 128, 256)),
}


@dataclass(frozen=True)
class FlowMiniConfig:
    """`styles`: names of the styles it can be asked for, at most 64, in the order of their rows."""

    flavor: str
    size_px: int
    patch: int
    widths: tuple[int, int, int]
    blocks: int
    styles: tuple[str, ...]

    def __post_init__(self) -> None:
        if len(self.styles) > MAX_STYLES or len(set(self.styles)) != len(self.styles):
            raise ValueError(f"styles have different names, and there are at most {MAX_STYLES}")
        sizes = (self.size_px, self.patch, self.blocks, *self.widths)
        if any(type(size) is not int or size < 1 for size in sizes) or any(type(s) is not str for s in self.styles):
            raise ValueError("sizes are whole numbers above 0, and styles are names")
        if len(self.widths) != 3 or any(width % _WIDTH_STEP or width > _MAX_WIDTH for width in self.widths):
            raise ValueError(f"there are three widths, each a multiple of {_WIDTH_STEP} up to {_MAX_WIDTH}")
        if self.size_px > _MAX_SIDE_PX or self.blocks > _MAX_BLOCKS:
            raise ValueError(f"pictures have at most {_MAX_SIDE_PX} px a side, and stages {_MAX_BLOCKS} blocks")
        if self.size_px % (self.patch * 4):
            raise ValueError(f"a side of {self.size_px} px cannot be halved twice after patches of {self.patch}")

    @classmethod
    def of(cls, flavor: str, styles: tuple[str, ...]) -> FlowMiniConfig:
        """Raises ValueError for a flavor that does not exist."""
        if flavor not in FLAVORS:
            raise ValueError(f"{flavor!r} is not a flavor: {', '.join(FLAVORS)}")
        chosen = FLAVORS[flavor]
        return cls(flavor, chosen.size_px, chosen.patch, chosen.widths, chosen.blocks, styles)
