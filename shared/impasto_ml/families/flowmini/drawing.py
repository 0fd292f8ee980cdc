"""flowmini as the rest of the platform sees it: words in, pictures out, any number of them at once."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from weakref import WeakValueDictionary

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from impasto_ml.data.pictures import flatten, open_picture
from impasto_ml.data.squares import to_array
from impasto_ml.encoders.text import TextEncoder
from impasto_ml.encoders.words import words_of
from impasto_ml.families.flowmini.config import MAX_TOKENS
from impasto_ml.families.flowmini.model import FlowMini, for_pictures
from impasto_ml.families.flowmini.sampling import Condition, denoise_step, schedule
from impasto_ml.families.text_to_image import DrawingRequest
from impasto_ml.precision import computes_bfloat16

# An estimate, rather too much than too little: activations of one picture, predicted three times, in bfloat16. In full
# precision they are twice as large.
_BYTES_A_PIXEL = 3_000

# Several times as large as the smallest flavor: all checkpoints of a process share one, as long as any is loaded.
_ENCODERS: Final[WeakValueDictionary[tuple[Path, str], TextEncoder]] = WeakValueDictionary()
_ENCODERS_LOCK: Final = threading.Lock()


def shared_encoder(models: Path, device: str = "cpu") -> TextEncoder:
    """The text encoder in the folder `models`, one for each device. Safe for several threads. Raises NotFetched."""
    key = (models.resolve(), device)
    with _ENCODERS_LOCK:
        if (encoder := _ENCODERS.get(key)) is None:
            encoder = _ENCODERS[key] = TextEncoder.load(models, device)
        return encoder


@dataclass(slots=True)
class FlowDrawing:
    """A picture on its way: `times` are its schedule, `z` is 1 x 3 x S x S, `seen` the last prediction."""

    times: list[float]
    z: Tensor
    condition: Condition
    guidance: float
    style_guidance: float
    seen: Tensor
    step: int = 0

    @property
    def steps(self) -> int:
        return len(self.times) - 1

    @property
    def done(self) -> bool:
        return self.step >= self.steps

    @property
    def lost(self) -> bool:
        """Never: a step replaces what it was made from only once it has gone well."""
        return False


class FlowMiniDrawer:
    """A loaded flowmini with its text encoder. Implements `TextToImage`."""

    def __init__(self, model: FlowMini, encoder: TextEncoder, device: str = "cpu") -> None:
        self._device = torch.device(device)
        self._model: FlowMini = for_pictures(model, self._device).eval().requires_grad_(False)
        self._encoder = encoder

    @property
    def memory_bytes(self) -> int:
        """With the text encoder, though checkpoints share it: whichever of them stays, the encoder stays with it."""
        own: int = sum(value.numel() * value.element_size() for value in self._model.state_dict().values())
        return own + self._encoder.memory_bytes

    def drawing_bytes(self, request: DrawingRequest) -> int:
        """The same for every request: there is one size."""
        return self._model.config.size_px**2 * _BYTES_A_PIXEL * (1 if computes_bfloat16(self._device.type) else 2)

    @property
    def size_px(self) -> tuple[int, int]:
        return self._model.config.size_px, self._model.config.size_px

    @property
    def styles(self) -> tuple[str, ...]:
        """Names of the styles that it can be asked for."""
        return self._model.config.styles

    def begin(self, request: DrawingRequest) -> FlowDrawing:
        """See `TextToImage.begin`. The same request gives the same picture, up to rounding."""
        if request.adapters:
            raise ValueError("flowmini takes no adapters")
        if request.negative_prompt:
            raise ValueError("flowmini takes no negative prompt")
        side = self._model.config.size_px
        if (request.width or side, request.height or side) != (side, side):
            raise ValueError(f"this checkpoint draws {side} x {side} px and no other size")
        # Made on the CPU: a seed means the same noise on every device.
        dice = torch.Generator().manual_seed(request.seed)
        noise = torch.randn((1, 3, side, side), generator=dice).to(self._device)
        times, z = schedule(request.steps), noise
        if request.picture is not None:
            start = 1 - min(1.0, max(0.0, request.strength))
            steps = max(1, round(request.steps * request.strength))
            times = schedule(steps, start)
            z = start * self._given(request.picture) + (1 - start) * noise
        condition = self._condition(request.prompt, request.style)
        style_guidance = request.style_guidance if request.style else request.guidance
        return FlowDrawing(times, z, condition, request.guidance, style_guidance, torch.zeros_like(z))

    def denoise_step(self, drawings: Sequence[FlowDrawing]) -> None:
        """See `TextToImage.denoise_step`: all in one batch."""
        now = torch.tensor([drawing.times[drawing.step] for drawing in drawings], device=self._device)
        then = torch.tensor([drawing.times[drawing.step + 1] for drawing in drawings], device=self._device)
        guidance = torch.tensor([drawing.guidance for drawing in drawings], device=self._device)
        style_guidance = torch.tensor([drawing.style_guidance for drawing in drawings], device=self._device)
        condition = Condition.stacked([drawing.condition for drawing in drawings])
        z = torch.cat([drawing.z for drawing in drawings]).to(memory_format=torch.channels_last)
        moved, seen = denoise_step(self._model, z, now, then, condition, guidance, style_guidance)
        for row, drawing in enumerate(drawings):
            drawing.z, drawing.seen = moved[row : row + 1], seen[row : row + 1]
            drawing.step += 1

    def preview(self, drawing: FlowDrawing) -> Image.Image:
        """The picture as it is predicted now; plain grey before the first step."""
        return _picture(drawing.seen)

    def finish(self, drawing: FlowDrawing) -> Image.Image:
        """Where the flow has led: the last prediction, once the drawing is done."""
        return _picture(drawing.z)

    def abandon(self, drawing: FlowDrawing) -> None:
        """Nothing is held beside the drawing itself."""

    def _condition(self, prompt: str, style: Mapping[str, float]) -> Condition:
        words = words_of(self._encoder, [prompt], MAX_TOKENS)
        return Condition(
            torch.from_numpy(words.vectors).to(self._device),
            torch.from_numpy(words.keep).to(self._device),
            self._style_row(style),
        )

    def _style_row(self, style: Mapping[str, float]) -> Tensor:
        names = self._model.config.styles
        if unknown := sorted(set(style) - set(names)):
            raise ValueError(f"this checkpoint knows no style {unknown[0]!r}; it knows {', '.join(names) or 'none'}")
        row = torch.zeros((1, len(names) + 1), device=self._device)
        total = sum(style.values())
        if total <= 0:
            row[0, 0] = 1
        for name, weight in style.items():
            row[0, 1 + names.index(name)] = weight / total
        return row

    def _given(self, path: Path) -> Tensor:
        try:
            picture = flatten(open_picture(path))
        except (SyntaxError, Image.DecompressionBombError) as error:  # what Pillow says of some damaged files
            raise OSError(f"{path.name} cannot be read") from error
        array = to_array(picture, self._model.config.size_px)
        return torch.from_numpy(array).to(self._device).float().div(127.5).sub(1)[None]


def _picture(x_13SS: Tensor) -> Image.Image:
    scaled = x_13SS[0].float().clamp(-1, 1).add(1).mul(127.5).round().to(torch.uint8)
    return Image.fromarray(np.ascontiguousarray(scaled.permute(1, 2, 0).cpu().numpy()))
