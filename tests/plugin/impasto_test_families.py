"""A family for tests: gradients, drawn step by step, as fast or slow, large or faulty as the checkpoint's file says.

`config.json` in the checkpoint's folder: `step_s` (how long a step takes, whatever the width of the batch), `gate` (a
file; steps wait while it is there, and make `<gate>.reached`), `in_turn` (there are no batches: each drawing waits at
the gate and takes `step_s`), `memory_bytes`, `drawing_bytes`, `most` (wider batches lack memory), `short` (a file;
`most` counts only while it is there), `log` (a file that gets a line of prompts for each step), `meet` (no picture
advances until so many prompts were in one batch; needs `log`), `load_gate` (as `gate`, for the loader), `broken` (it
cannot be loaded). A drawing needs `drawing_bytes` for 32 x 32 px, and more by its pixels.
Prompts that do something: `raise`, `die`, `raise at the end`, `lack at the end`.

`scarce` is a tiny pipeline of diffusers whose networks lack memory or fail when they are told, see `Scarce`.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from impasto_ml.families.text_to_image import DrawingRequest

_SIDE_PX = 32


@dataclass(slots=True, eq=False)
class Gradient:
    """A picture on its way from noise (0) to its gradient (1)."""

    prompt: str
    noise: NDArray[np.float32]
    target: NDArray[np.float32]
    steps: int
    step: int = 0
    lost: bool = False

    @property
    def done(self) -> bool:
        return self.step >= self.steps


class Gradients:
    """The loaded checkpoint."""

    def __init__(self, config: dict[str, object]) -> None:
        self._step_s = float(config.get("step_s", 0))  # type: ignore[arg-type]
        self._gate = Path(str(config["gate"])) if config.get("gate") else None
        self._log = Path(str(config["log"])) if config.get("log") else None
        self._meet = int(config.get("meet", 0))  # type: ignore[call-overload]
        self._most = int(config.get("most", 1000))  # type: ignore[call-overload]
        self.memory_bytes = int(config.get("memory_bytes", 1000))  # type: ignore[call-overload]
        self._short = Path(str(config["short"])) if config.get("short") else None
        self._drawing_bytes = int(config.get("drawing_bytes", 10))  # type: ignore[call-overload]
        self.size_px = (_SIDE_PX, _SIDE_PX)
        self.in_turn = bool(config.get("in_turn"))
        self.held = 0

    def drawing_bytes(self, request: DrawingRequest) -> int:
        """By its pixels."""
        pixels = (request.width or _SIDE_PX) * (request.height or _SIDE_PX)
        return self._drawing_bytes * pixels // _SIDE_PX**2

    def begin(self, request: DrawingRequest) -> Gradient:
        """Noise and gradient by the seed. Raises ValueError for an unknown style or a size that is not divisible."""
        if request.style:
            raise ValueError(f"no style {next(iter(request.style))!r} here")
        width, height = request.width or _SIDE_PX, request.height or _SIDE_PX
        if width % 8 or height % 8:
            raise ValueError("sides are multiples of 8 px")
        random = np.random.default_rng(request.seed)
        noise = random.random((height, width, 3), dtype=np.float32)
        across, down = np.linspace(0, 1, width), np.linspace(0, 1, height)
        colour = random.random(3)
        target = (across[None, :, None] * colour + down[:, None, None] * (1 - colour)) / 2 + colour / 2
        self.held += 1
        return Gradient(request.prompt, noise, target.astype(np.float32), request.steps)

    def denoise_step(self, drawings: Sequence[Gradient]) -> None:
        """All in one array, as a network would."""
        if self.in_turn and len(drawings) > 1:
            for drawing in drawings:
                self.denoise_step([drawing])
            return
        _wait_at(self._gate)
        if len(drawings) > self._most and (self._short is None or self._short.exists()):
            raise MemoryError
        if any(drawing.prompt == "die" for drawing in drawings):
            os.kill(os.getpid(), 9)
        if any(drawing.prompt == "raise" for drawing in drawings):
            raise RuntimeError("one of these")
        if self._log:
            with self._log.open("a") as log:
                log.write(json.dumps([drawing.prompt for drawing in drawings]) + "\n")
        time.sleep(self._step_s)
        if not self._met({drawing.prompt for drawing in drawings}):
            return
        for drawing in drawings:
            drawing.step += 1

    def _met(self, prompts: set[str]) -> bool:
        """Whether so many prompts came together, now or in an engine before this one."""
        if not self._meet or not self._log:
            return True
        met = self._log.with_suffix(".met")
        if len(prompts) >= self._meet:
            met.touch()
        return met.exists()

    def preview(self, drawing: Gradient) -> Image.Image:
        return self.finish(drawing)

    def finish(self, drawing: Gradient) -> Image.Image:
        if drawing.done and drawing.prompt == "raise at the end":
            raise RuntimeError("at the end")
        if drawing.done and drawing.prompt == "lack at the end":
            raise MemoryError
        share = drawing.step / drawing.steps
        pixels = drawing.noise * (1 - share) + drawing.target * share
        self.held -= drawing.done
        return Image.fromarray((pixels * 255).round().astype(np.uint8))

    def abandon(self, drawing: Gradient) -> None:
        self.held -= 1


def load(folder: Path, device: str, threads: int) -> Gradients:
    """Registered as the family `gradients`."""
    config = json.loads((folder / "config.json").read_text("utf-8"))
    _wait_at(Path(config["load_gate"]) if config.get("load_gate") else None)
    if config.get("broken"):
        raise ValueError("it is broken")
    return Gradients(config)


def _wait_at(gate: Path | None) -> None:
    while gate and gate.exists():
        gate.with_suffix(".reached").touch()
        time.sleep(0.005)


class Scarce:
    """Told by files in the folder `IMPASTO_TEST_SCARCE`.

    `gate`: the denoiser waits while it is there. `denoise` and `decode` hold a word and a number: the network's
    n-th run from now fails, by `lack` of memory or by a `fault`, and the file goes.
    """

    def __init__(self, folder: Path, name: str) -> None:
        self._gate, self._told = folder / "gate", folder / name

    def __call__(self, *_: object) -> None:
        """Called before each run of the network."""
        if self._told.name == "denoise":
            _wait_at(self._gate)
        if not self._told.exists():
            return
        what, left = self._told.read_text().split()
        if int(left) > 1:
            self._told.write_text(f"{what} {int(left) - 1}")
            return
        self._told.unlink()
        if what == "fault":
            raise RuntimeError("one of these")
        import torch

        raise torch.OutOfMemoryError


def load_scarce(folder: Path, device: str, threads: int) -> object:
    """Registered as the family `scarce`."""
    from impasto_ml.families.diffusers import load as load_pipeline

    model, told = load_pipeline(folder, device, 1), Path(os.environ["IMPASTO_TEST_SCARCE"])
    components = model.loaded.components
    components[model.loaded.architecture.denoiser].register_forward_pre_hook(Scarce(told, "denoise"))
    components["vae"].decoder.register_forward_pre_hook(Scarce(told, "decode"))
    return model
