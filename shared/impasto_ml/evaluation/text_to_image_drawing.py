"""Draws what an evaluation asks for, several pictures together, and hands each on at once: none is kept here."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Final

from PIL import Image

from impasto_ml.data.scenes import Scene
from impasto_ml.families.text_to_image import DrawingRequest, TextToImage

TOGETHER: Final = 16


@dataclass(frozen=True, slots=True)
class Asked:
    """One picture to be drawn; `scene` says what it must show, where the prompt is of a procedural scene.

    `style` is one of the checkpoint's, or None for no style at all.
    """

    prompt: str
    style: str | None
    seed: int
    scene: Scene | None = None


@dataclass(frozen=True, slots=True)
class Hand:
    """A loaded checkpoint and how it draws: `steps` a picture, the scales of guidance, how many `together`.

    `adapters`: folders of LoRA weights that are laid over it, each with its weight.
    """

    drawer: TextToImage[Any]
    steps: int = 10
    guidance: float = 2.5
    style_guidance: float = 5.0
    together: int = TOGETHER
    adapters: tuple[tuple[Path, float], ...] = ()

    def draw(self, asked: Iterable[Asked]) -> Iterator[Image.Image]:
        """Each picture in the order asked for. Raises ValueError for a style that the checkpoint does not know."""
        stream = iter(asked)
        while batch := list(islice(stream, self.together)):
            yield from self._batch(batch)

    def _batch(self, batch: Sequence[Asked]) -> list[Image.Image]:
        drawings: list[Any] = []
        pictures: list[Image.Image] = []
        try:
            drawings.extend(self.drawer.begin(self._request(one)) for one in batch)
            while running := [drawing for drawing in drawings if not drawing.done]:
                self.drawer.denoise_step(running)
            pictures.extend(self.drawer.finish(drawing).convert("RGB") for drawing in drawings)
        finally:
            for drawing in drawings[len(pictures) :]:
                self.drawer.abandon(drawing)
        return pictures

    def _request(self, asked: Asked) -> DrawingRequest:
        style = {} if asked.style is None else {asked.style: 1.0}
        return DrawingRequest(
            asked.prompt,
            asked.seed,
            steps=self.steps,
            guidance=self.guidance,
            style_guidance=self.style_guidance,
            style=style,
            adapters=self.adapters,
        )
