"""A style classifier on disk: `config.json` for people and programs, `model.safetensors` for the numbers."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from .config import StyleClassifierConfig
from .model import StyleClassifier

FAMILY = "style_classifier"
_FORMAT = 1
_CONFIG = "config.json"
_WEIGHTS = "model.safetensors"


class CheckpointError(ValueError):
    """The folder holds no style classifier of this format, or not a whole one."""


def save_checkpoint(folder: Path, model: StyleClassifier, training: Mapping[str, Any] | None = None) -> list[Path]:
    """Writes both files and returns them. `training`: facts to keep beside the weights, as JSON."""
    folder.mkdir(parents=True, exist_ok=True)
    described = {
        "family": FAMILY,
        "format": _FORMAT,
        "config": asdict(model.config),
        "temperature": round(model.temperature.item(), 6),
        # JSON has no infinity: without pictures to calibrate on there is no threshold.
        "threshold": round(model.threshold.item(), 6) if model.threshold.isfinite() else None,
        "training": dict(training or {}),
    }
    config, weights = folder / _CONFIG, folder / _WEIGHTS
    save_file({name: tensor.contiguous().cpu() for name, tensor in model.state_dict().items()}, weights)
    weights.chmod(0o644)  # safetensors writes 0600
    config.write_text(json.dumps(described, indent=2, sort_keys=True, ensure_ascii=False) + "\n", "utf-8")
    return [config, weights]


def load_checkpoint(folder: Path, device: str = "cpu") -> StyleClassifier:
    """The model in evaluation mode. Raises CheckpointError; a missing or an extra tensor is an error too."""
    try:
        described = json.loads((folder / _CONFIG).read_text("utf-8"))
        if (described["family"], described["format"]) != (FAMILY, _FORMAT):
            raise CheckpointError(f"{folder.name}: not a {FAMILY} of format {_FORMAT}")
        config = StyleClassifierConfig.from_json(described["config"])
        state = load_file(folder / _WEIGHTS, device=device)
        model = StyleClassifier(config, bank_size=len(state["bank"])).to(device)
        model.load_state_dict(state, strict=True)
    except (OSError, KeyError, TypeError, ValueError, RuntimeError, SafetensorError) as error:
        raise error if isinstance(error, CheckpointError) else CheckpointError(f"{folder.name}: {error}") from error
    return model.eval().requires_grad_(False)
