"""Which sizes a pipeline can draw."""

from __future__ import annotations

from dataclasses import dataclass
from math import lcm, sqrt

# The pipelines themselves ask for multiples of eight.
_BYTE = 8


class SizeNotAllowed(ValueError):
    """A picture of this size cannot be drawn; `nearest` (width, height) can."""

    def __init__(self, size: tuple[int, int], nearest: tuple[int, int], reason: str) -> None:
        super().__init__(f"{size[0]} x {size[1]} px: {reason}; the nearest size allowed is {nearest[0]} x {nearest[1]}")
        self.nearest = nearest


@dataclass(frozen=True, slots=True)
class Sizes:
    """`multiple` of both sides, `side` at most, `pixels` at most; `default` (width, height). All in pixels."""

    default: tuple[int, int]
    multiple: int
    side: int
    pixels: int

    @classmethod
    def of(cls, default: tuple[int, int], latent_px: int, patch: int, positions: int | None, pixels: int) -> Sizes:
        """`latent_px`: pixels a latent covers; `patch`: latents a token covers; `positions`: tokens a side at most."""
        multiple = lcm(_BYTE, latent_px * patch)
        side = positions * latent_px * patch if positions else 4096
        return cls(default, multiple, max(multiple, side // multiple * multiple), pixels)

    def check(self, width: int | None, height: int | None) -> tuple[int, int]:
        """Width and height to draw, the default for None. Raises SizeNotAllowed."""
        size = (self.default[0] if width is None else width, self.default[1] if height is None else height)
        if any(side % self.multiple or side < self.multiple for side in size):
            raise SizeNotAllowed(size, self.nearest(size), f"both sides are multiples of {self.multiple}")
        if max(size) > self.side:
            raise SizeNotAllowed(size, self.nearest(size), f"a side has at most {self.side} px")
        if size[0] * size[1] > self.pixels:
            raise SizeNotAllowed(size, self.nearest(size), f"a picture has at most {self.pixels} px")
        return size

    def nearest(self, size: tuple[int, int]) -> tuple[int, int]:
        """An allowed size near this one, of about the same shape."""
        width, height = (min(max(side, self.multiple), self.side) for side in size)
        if width * height > self.pixels:
            shrink = sqrt(self.pixels / (width * height))
            width, height = int(width * shrink), int(height * shrink)
            return self._down(width), self._down(height)
        return self._near(width), self._near(height)

    def _down(self, side: int) -> int:
        return max(self.multiple, side // self.multiple * self.multiple)

    def _near(self, side: int) -> int:
        return max(self.multiple, min((side + self.multiple // 2) // self.multiple * self.multiple, self.side))
