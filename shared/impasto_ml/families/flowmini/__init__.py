"""Draws small pictures from words, and is small enough to be trained on a CPU."""

from __future__ import annotations

from pathlib import Path

import torch

from impasto_ml.families.flowmini.config import FLAVORS, Flavor, FlowMiniConfig
from impasto_ml.families.flowmini.drawing import FlowMiniDrawer, shared_encoder
from impasto_ml.families.flowmini.model import FlowMini
from impasto_ml.families.flowmini.weights import FAMILY, CheckpointError, load_checkpoint, save_checkpoint

__all__ = [
    "FAMILY",
    "FLAVORS",
    "STARTER",
    "CheckpointError",
    "Flavor",
    "FlowMini",
    "FlowMiniConfig",
    "FlowMiniDrawer",
    "load",
    "load_checkpoint",
    "save_checkpoint",
]

# Comes with the library; `make starter` makes it anew.
STARTER = Path(__file__).with_name("starter")


def load(folder: Path, device: str = "cpu", threads: int = 0, models: Path | None = None) -> FlowMiniDrawer:
    """The checkpoint in `folder`, ready to draw. `models` holds the text encoder; unless given, it is `folder/models`.

    Raises:
        CheckpointError: the folder holds no flowmini.
        NotFetched: the text encoder is not there.
    """
    if threads:
        torch.set_num_threads(threads)
    encoder = shared_encoder(models or folder / "models", device)
    return FlowMiniDrawer(load_checkpoint(folder, device), encoder, device)
