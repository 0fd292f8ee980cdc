"""Networks in which everything that is asked for counts: a fresh one draws plain grey whatever is asked."""

from __future__ import annotations

from pathlib import Path

import torch

from impasto_ml.data.scenes import draw, every_scene
from impasto_ml.encoders.text import TextEncoder
from impasto_ml.families.flowmini import FlowMini, FlowMiniConfig
from impasto_ml.training.captioned import CaptionedPictures, Example, write_captioned

STYLES = ("oil", "ink")


def lively(flavor: str = "tiny", styles: tuple[str, ...] = STYLES, seed: int = 0) -> FlowMini:
    """A network whose layers that begin at zero were given weights, so that words, styles and time change pictures."""
    torch.manual_seed(seed)
    model = FlowMini(FlowMiniConfig.of(flavor, styles))
    with torch.no_grad():
        for value in model.parameters():
            if not value.any():
                value.normal_(std=0.1)
        model.styles.weight.normal_(std=0.5)
        model.head.weight.normal_(std=0.2)
    return model.eval()


def scenes(encoder: TextEncoder, folder: Path) -> CaptionedPictures:
    """Shapes of four colours in two hands, as something to learn from."""
    drawn = [
        Example(draw(scene, 32, seed), (scene.prompt, f"a {scene.colour} {scene.shape}"), STYLES[scene.manner == "ink"])
        for scene in every_scene()
        for seed in range(2)
        if scene.manner in ("flat", "ink") and scene.place == "in the centre"
    ]
    return write_captioned(folder, drawn, encoder, size_px=32, styles=STYLES)
