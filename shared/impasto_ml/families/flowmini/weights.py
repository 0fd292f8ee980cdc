"""flowmini on disk: `config.json` for people and programs, `model.safetensors` in half precision for the numbers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from impasto_ml.families.flowmini.config import FlowMiniConfig
from impasto_ml.families.flowmini.model import FlowMini

FAMILY = "flowmini"
_FORMAT = 1
_CONFIG = "config.json"
_WEIGHTS = "model.safetensors"


class CheckpointError(ValueError):
    """The folder holds no flowmini of this format, or not a whole one."""


def save_checkpoint(
    folder: Path, config: FlowMiniConfig, weights: Mapping[str, Tensor], training: Mapping[str, Any] | None = None
) -> list[Path]:
    """Writes both files and returns them. `training`: facts to keep beside the weights, as JSON."""
    folder.mkdir(parents=True, exist_ok=True)
    described = {"family": FAMILY, "format": _FORMAT, "config": asdict(config), "training": dict(training or {})}
    # Half precision rounds by 1 in 2,048, less than one step of eight bits in a picture; bfloat16 by 1 in 256.
    halves = {name: tensor.detach().to("cpu", torch.float16).contiguous() for name, tensor in weights.items()}
    path = folder / _WEIGHTS
    save_file(halves, path)
    path.chmod(0o644)  # safetensors writes 0600
    facts = folder / _CONFIG
    facts.write_text(json.dumps(described, indent=2, sort_keys=True, ensure_ascii=False) + "\n", "utf-8")
    return [facts, path]


def read_config(folder: Path) -> FlowMiniConfig:
    """Raises CheckpointError: no flowmini of this format."""
    try:
        described = json.loads((folder / _CONFIG).read_text("utf-8"))
        if (described["family"], described["format"]) != (FAMILY, _FORMAT):
            raise CheckpointError(f"{folder.name}: not a {FAMILY} of format {_FORMAT}")
        facts = described["config"]
        return FlowMiniConfig(**facts | {key: tuple(facts[key]) for key in ("widths", "styles")})
    except (OSError, KeyError, TypeError, ValueError, RecursionError) as error:
        raise error if isinstance(error, CheckpointError) else CheckpointError(f"{folder.name}: {error}") from error


def load_checkpoint(folder: Path, device: str = "cpu") -> FlowMini:
    """The network in full precision. Raises CheckpointError; a missing or an extra tensor is an error too."""
    config = read_config(folder)
    try:
        state = load_file(folder / _WEIGHTS, device=device)
        model = FlowMini(config)
        model.load_state_dict({name: tensor.float() for name, tensor in state.items()}, strict=True)
    except (OSError, RuntimeError, SafetensorError) as error:
        raise CheckpointError(f"{folder.name}: {error}") from error
    return model.to(device)
