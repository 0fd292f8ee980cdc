"""Procedural scenes: one shape in one colour at one place, drawn in one of four manners, with its prompt.

They teach and measure composition: every combination exists, so some can be kept out of training.
"""

from __future__ import annotations

import itertools
import math
import random
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from PIL import Image, ImageChops, ImageDraw, ImageFilter

COLOURS: Final[dict[str, tuple[int, int, int]]] = {
    "red": (222, 46, 46),
    "orange": (245, 140, 30),
    "yellow": (250, 212, 40),
    "green": (52, 168, 70),
    "blue": (46, 110, 224),
    "purple": (138, 66, 190),
    "pink": (247, 130, 180),
    "black": (30, 30, 32),
}
SHAPES: Final = ("circle", "square", "triangle", "star", "heart", "diamond", "cross", "crescent")
PLACES: Final[dict[str, tuple[float, float]]] = {
    "in the centre": (0.5, 0.5),
    "on the left": (0.24, 0.5),
    "on the right": (0.76, 0.5),
    "at the top": (0.5, 0.24),
    "at the bottom": (0.5, 0.76),
    "at the top left": (0.24, 0.24),
    "at the top right": (0.76, 0.24),
    "at the bottom left": (0.24, 0.76),
    "at the bottom right": (0.76, 0.76),
}
# A manner that has no colours cannot show one.
COLOURLESS: Final = frozenset({"ink"})
MANNERS: Final = ("painted", "flat", "soft", "ink")
_OVERSAMPLING: Final = 4
_RADIUS: Final = 0.21


@dataclass(frozen=True, slots=True)
class Scene:
    """What is to be seen, and the manner it is drawn in."""

    colour: str
    shape: str
    place: str
    manner: str

    @property
    def prompt(self) -> str:
        return f"a {self.colour} {self.shape} {self.place}"

    @property
    def held_out(self) -> bool:
        """Whether training never sees this combination of colour, shape and place, in any manner: one in seven."""
        return zlib.crc32(f"{self.colour}/{self.shape}/{self.place}".encode()) % 7 == 0


def every_scene() -> Iterator[Scene]:
    """All combinations, in a fixed order."""
    return itertools.starmap(Scene, itertools.product(COLOURS, SHAPES, PLACES, MANNERS))


def draw(scene: Scene, size_px: int, seed: int) -> Image.Image:
    """The scene as an RGB picture on white; `seed` moves and sizes the shape a little."""
    dice = random.Random(f"{scene.prompt}/{scene.manner}/{seed}")  # noqa: S311  it moves shapes and hides nothing
    x, y = PLACES[scene.place]
    radius = _RADIUS * dice.uniform(0.88, 1.12) * (1.2 if scene.place == "in the centre" else 1)
    outline = [
        (x + dice_x + radius * px, y + dice_y + radius * py)
        for dice_x, dice_y in [(dice.uniform(-0.025, 0.025), dice.uniform(-0.025, 0.025))]
        for px, py in outline_of(scene.shape)
    ]
    side = size_px * _OVERSAMPLING
    mask = Image.new("L", (side, side), 0)
    ImageDraw.Draw(mask).polygon([(side * px, side * py) for px, py in outline], fill=255)
    drawn = _DRAWN_BY[scene.manner](mask, COLOURS[scene.colour], dice)
    return drawn.resize((size_px, size_px), Image.Resampling.BOX)


def outline_of(shape: str) -> list[tuple[float, float]]:
    """The shape's outline around (0, 0) within a radius of about 1; y grows downwards."""
    match shape:
        case "circle":
            return [_polar(0.95, turn / 60) for turn in range(60)]
        case "square":
            return [(-0.82, -0.82), (0.82, -0.82), (0.82, 0.82), (-0.82, 0.82)]
        case "triangle":
            return [(0, -0.95), (0.98, 0.78), (-0.98, 0.78)]
        case "star":
            return [_polar(1.1 if turn % 2 == 0 else 0.46, turn / 10 - 0.25) for turn in range(10)]
        case "heart":
            return [_heart(2 * math.pi * turn / 60) for turn in range(60)]
        case "diamond":
            return [(0, -1.1), (0.74, 0), (0, 1.1), (-0.74, 0)]
        case "cross":
            a, b = 0.32, 0.98
            return [
                *((-a, -b), (a, -b), (a, -a), (b, -a), (b, a), (a, a)),
                *((a, b), (-a, b), (-a, a), (-b, a), (-b, -a), (-a, -a)),
            ]
        case "crescent":
            outer = [_polar(1.0, 0.11 + 0.78 * turn / 40) for turn in range(41)]
            return outer + [(x + 0.62, y) for x, y in (_polar(0.66, 0.78 - 0.56 * turn / 30) for turn in range(31))]
        case _:
            raise ValueError(f"no shape {shape!r}: there are {', '.join(SHAPES)}")


def _polar(radius: float, turn: float) -> tuple[float, float]:
    return radius * math.cos(2 * math.pi * turn), radius * math.sin(2 * math.pi * turn)


def _heart(angle: float) -> tuple[float, float]:
    x = math.sin(angle) ** 3
    y = (13 * math.cos(angle) - 5 * math.cos(2 * angle) - 2 * math.cos(3 * angle) - math.cos(4 * angle)) / 16
    return x, -y - 0.08


def _flat(mask: Image.Image, colour: tuple[int, int, int], dice: random.Random) -> Image.Image:
    return _on_white(Image.new("RGB", mask.size, colour), mask)


def _soft(mask: Image.Image, colour: tuple[int, int, int], dice: random.Random) -> Image.Image:
    """Light falls from the upper left."""
    left, top, right, bottom = mask.getbbox() or (0, 0, *mask.size)
    gradient = Image.radial_gradient("L").resize((int(2.0 * (right - left)), int(2.0 * (bottom - top))))
    light = Image.new("L", mask.size, 255)
    light.paste(gradient, (left - (right - left) * 3 // 4, top - (bottom - top) * 3 // 4))
    bright = tuple(min(255, int(c + 0.3 * (255 - c))) for c in colour)
    dark = tuple(int(0.78 * c) for c in colour)
    shaded = Image.composite(Image.new("RGB", mask.size, dark), Image.new("RGB", mask.size, bright), light)
    return _on_white(shaded, mask)


def _painted(mask: Image.Image, colour: tuple[int, int, int], dice: random.Random) -> Image.Image:
    """A darker rim and a glint."""
    width = max(3, mask.size[0] // 40) | 1
    inner = mask.filter(ImageFilter.MinFilter(min(width, 9))).filter(ImageFilter.MinFilter(min(width, 9)))
    rim = tuple(int(0.68 * c) for c in colour)
    filled = Image.composite(Image.new("RGB", mask.size, colour), Image.new("RGB", mask.size, rim), inner)
    left, top, right, bottom = mask.getbbox() or (0, 0, *mask.size)
    glint = Image.new("L", mask.size, 0)
    box = [
        left + (right - left) * f if i % 2 == 0 else top + (bottom - top) * f
        for i, f in enumerate((0.3, 0.26, 0.48, 0.4))
    ]
    ImageDraw.Draw(glint).ellipse(box, fill=170)
    glint = ImageChops.multiply(glint, inner)
    return _on_white(Image.composite(Image.new("RGB", mask.size, (255, 255, 255)), filled, glint), mask)


def _ink(mask: Image.Image, colour: tuple[int, int, int], dice: random.Random) -> Image.Image:
    """A black outline."""
    inner = mask
    for _ in range(max(1, mask.size[0] // 64)):
        inner = inner.filter(ImageFilter.MinFilter(5))
    ink = ImageChops.subtract(mask, inner)
    return _on_white(Image.new("RGB", mask.size, (0, 0, 0)), ink)


def _on_white(picture: Image.Image, mask: Image.Image) -> Image.Image:
    return Image.composite(picture, Image.new("RGB", mask.size, (255, 255, 255)), mask)


_DRAWN_BY: Final = {"painted": _painted, "flat": _flat, "soft": _soft, "ink": _ink}
