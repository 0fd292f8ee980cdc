"""Drawers whose worth is known: they draw scenes as asked, or works by heart, or never the same twice."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from PIL import Image

from impasto_ml.data.scenes import COLOURS, PLACES, SHAPES, Scene, draw
from impasto_ml.families.text_to_image import DrawingRequest

SIDE_PX = 64


@dataclass
class Drawing:
    request: DrawingRequest
    steps: int
    step: int = 0
    lost: bool = False

    @property
    def done(self) -> bool:
        return self.step >= self.steps


class KnownDrawer:
    """Draws what `picture` makes of a request. `widths` tells how many were advanced together each time."""

    memory_bytes = 0
    size_px = (SIDE_PX, SIDE_PX)

    def __init__(self, picture: Callable[[DrawingRequest], Image.Image]) -> None:
        self._picture = picture
        self.widths: list[int] = []

    def drawing_bytes(self, request: DrawingRequest) -> int:
        return 0

    def begin(self, request: DrawingRequest) -> Drawing:
        if unknown := set(request.style) - {"painted", "flat", "soft", "ink"}:
            raise ValueError(f"no style {unknown}")
        return Drawing(request, request.steps)

    def denoise_step(self, drawings: Sequence[Drawing]) -> None:
        self.widths.append(len(drawings))
        for drawing in drawings:
            assert not drawing.done
            drawing.step += 1

    def preview(self, drawing: Drawing) -> Image.Image:
        return self.finish(drawing)

    def finish(self, drawing: Drawing) -> Image.Image:
        assert drawing.done
        return self._picture(drawing.request)

    def abandon(self, drawing: Drawing) -> None:
        """Nothing is held."""


def scene_asked(request: DrawingRequest) -> Scene:
    """The scene that the prompt names, in the manner of the style."""
    colour = next(name for name in COLOURS if name in request.prompt)
    shape = next(name for name in SHAPES if name in request.prompt)
    place = max((name for name in PLACES if name in request.prompt), key=len)
    return Scene(colour, shape, place, next(iter(request.style), "flat"))


def faithful() -> KnownDrawer:
    """Draws every scene as asked; a seed moves it a little."""
    return KnownDrawer(lambda request: draw(scene_asked(request), SIDE_PX, 50_000 + request.seed))


def always_flat() -> KnownDrawer:
    """Hears the words and not the style."""

    def flat(request: DrawingRequest) -> Image.Image:
        asked = scene_asked(request)
        return draw(Scene(asked.colour, asked.shape, asked.place, "flat"), SIDE_PX, request.seed)

    return KnownDrawer(flat)


def by_heart(pictures: Sequence[Image.Image]) -> KnownDrawer:
    """Returns one of these, whatever is asked."""
    turn = itertools.cycle(pictures)
    known: dict[tuple[str, int, str], Image.Image] = {}
    return KnownDrawer(lambda r: known.setdefault((r.prompt, r.seed, str(dict(r.style))), next(turn)))


def fickle() -> KnownDrawer:
    """Never draws the same twice."""
    shades = itertools.count()
    return KnownDrawer(lambda _: Image.new("RGB", (SIDE_PX, SIDE_PX), (next(shades) * 5 % 256, 90, 90)))
