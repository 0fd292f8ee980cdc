"""What a family that draws from words offers: pictures begun, advanced together step by step, and finished.

Whoever runs several drawings at once (the engine of a worker, or a loop in a notebook) holds a list of them and calls
`denoise_step` on those that are not done. They may be at different steps, with different prompts, styles, guidance and
seeds; a family advances as many as it can in one batch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, TypeVar

from PIL import Image


@dataclass(frozen=True, slots=True)
class DrawingRequest:
    """One picture to draw.

    `style` maps names of the checkpoint's styles to weights (relative to their sum; empty: no style is asked for).
    `seed` is 0 to 2**63 - 1. `guidance` is the scale of classifier-free guidance, 1 for none; `style_guidance` is the
    style's own, for families that have named styles. `width` and `height` are pixels; None means the checkpoint's own
    size. With `picture`, drawing starts from that file, changed by `strength` (0: not at all, 1: nothing of it is
    left). `adapters` are folders of LoRA weights and their scales.
    """

    prompt: str
    seed: int
    steps: int = 10
    guidance: float = 2.5
    style_guidance: float = 5.0
    style: Mapping[str, float] = field(default_factory=dict)
    negative_prompt: str = ""
    width: int | None = None
    height: int | None = None
    picture: Path | None = None
    strength: float = 1.0
    adapters: tuple[tuple[Path, float], ...] = ()


class Drawing(Protocol):
    """A picture that is being drawn: `step` of `steps` are done.

    `lost`: a step or the finish raised and destroyed it. It can only be abandoned, and begun again from its request.
    """

    step: int
    steps: int

    @property
    def done(self) -> bool: ...

    @property
    def lost(self) -> bool: ...


D = TypeVar("D", bound=Drawing)


class TextToImage(Protocol[D]):
    """A loaded checkpoint that draws from words. Not safe for several threads at once."""

    @property
    def memory_bytes(self) -> int:
        """What it holds on the device, in bytes: its weights, whatever it draws with beside them, attached adapters."""
        ...

    def drawing_bytes(self, request: DrawingRequest) -> int:
        """What this drawing needs while it runs, in bytes: an estimate, rather too much than too little.

        Raises:
            ValueError: it cannot be drawn in that size.
        """
        ...

    @property
    def size_px(self) -> tuple[int, int]:
        """Width and height of a picture unless a request says otherwise."""
        ...

    def begin(self, request: DrawingRequest) -> D:
        """The noise, the condition and the schedule of a picture.

        Raises:
            ValueError: the checkpoint knows no such style, or cannot draw in that size.
        """
        ...

    def denoise_step(self, drawings: Sequence[D]) -> None:
        """Advances each drawing by one step; none may be done or lost.

        A family that has no batches, and would take one after another, may say so by an attribute `in_turn` that is
        true: then an engine gives it one at a time, and hears between them who wants to leave.

        Raises:
            Exception: something went wrong, a lack of memory for example. Every drawing was then either advanced, or
                is as it was before, or is `lost`; only those are lost whose own step raised.
        """
        ...

    def preview(self, drawing: D) -> Image.Image:
        """What the picture looks like so far: cheap, RGB, perhaps smaller."""
        ...

    def finish(self, drawing: D) -> Image.Image:
        """The finished picture, RGB.

        Raises:
            Exception: as a step; the drawing is done as before, or `lost`.
        """
        ...

    def abandon(self, drawing: D) -> None:
        """Frees what a drawing holds that is not going to be finished; harmless for one that is lost."""
        ...
