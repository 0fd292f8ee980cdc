"""Trains the starter, and goes on where an earlier run was cut off."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import torch
from PIL import Image
from safetensors.torch import load_file, save_file

from impasto_ml.encoders.text import TextEncoder
from impasto_ml.families.flowmini.config import FlowMiniConfig
from impasto_ml.families.flowmini.drawing import FlowMiniDrawer
from impasto_ml.families.flowmini.model import FlowMini
from impasto_ml.families.text_to_image import DrawingRequest
from impasto_ml.training.captioned import CaptionedPictures
from impasto_ml.training.flow_matching import FlowTrainer, FlowTraining
from impasto_starter.hands import STYLE_NAMES

FLAVOR: Final = "small-64"
_SAVE_EVERY: Final = 250
_SEED: Final = 1
_SAMPLE_PROMPTS: Final = (
    *("a red apple", "a fox", "a rocket", "a house", "a red heart", "a purple apple", "a cat face", "a sailboat"),
    *("a blue star at the top left", "a green circle on the right", "a pink heart", "a butterfly"),
)


def new_network(pictures: CaptionedPictures) -> FlowMini:
    """One that has learnt nothing, and knows what the words of these captions are like."""
    torch.manual_seed(_SEED)
    model = FlowMini(FlowMiniConfig.of(FLAVOR, STYLE_NAMES))
    model.expect_words(*map(torch.from_numpy, pictures.spoken()))
    return model


def train(
    model: FlowMini,
    pictures: CaptionedPictures,
    folder: Path,
    options: FlowTraining,
    encoder: TextEncoder,
    tell: Callable[[str], None],
) -> FlowTrainer:
    """Learns until the last step. `folder` keeps the state every 250 steps and a sheet of samples beside it."""
    folder.mkdir(parents=True, exist_ok=True)
    trainer = FlowTrainer(model, pictures, options)
    state = folder / "state.safetensors"
    if state.is_file():
        trainer.restore(load_file(state))
        tell(f"going on after step {trainer.step}")
    losses: list[float] = []
    began = time.monotonic()
    while trainer.step < options.steps:
        losses.append(trainer.train_step())
        if trainer.step % 50 == 0:
            pace = len(losses) / (time.monotonic() - began)
            tell(f"step {trainer.step} loss {sum(losses) / len(losses):.4f}, {pace:.2f} steps/s")
            losses, began = [], time.monotonic()
        if trainer.step % _SAVE_EVERY == 0 or trainer.step == options.steps:
            _keep(trainer, state)
            sheet(FlowMiniDrawer(trainer.averaged_model(), encoder), _SAMPLE_PROMPTS).save(
                folder / f"samples-{trainer.step:06}.png"
            )
            began = time.monotonic()
    return trainer


def _keep(trainer: FlowTrainer, path: Path) -> None:
    part = path.with_suffix(".part")
    save_file({name: tensor.contiguous() for name, tensor in trainer.state().items()}, part)
    os.replace(part, path)


def sheet(drawer: FlowMiniDrawer, prompts: Sequence[str], seed: int = 1, steps: int = 10) -> Image.Image:
    """One row a style and one column a prompt."""
    side = drawer.size_px[0]
    out = Image.new("RGB", (side * len(prompts), side * len(drawer.styles)), "white")
    for row, style in enumerate(drawer.styles):
        drawings = [drawer.begin(DrawingRequest(prompt, seed, steps=steps, style={style: 1.0})) for prompt in prompts]
        for _ in range(steps):
            drawer.denoise_step(drawings)
        for column, drawing in enumerate(drawings):
            out.paste(drawer.finish(drawing), (column * side, row * side))
    return out
