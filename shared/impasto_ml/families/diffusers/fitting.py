"""Whether LoRA weights are for a pipeline, told from the shapes of its tensors: the pipeline need not be loaded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from impasto_ml.weights import WeightsIncompatible

from .adapter_weights import LoraLayer, read_lora
from .architectures import architecture_of
from .installed import library

Shapes = Mapping[str, Mapping[str, Sequence[int]]]
# The first word of paths in text encoders comes and goes.
_WORD = "text_model."


def check_fits(folder: Path, class_name: str, denoiser: Mapping[str, Any], shapes: Shapes) -> None:
    """Reads the adapter in `folder` and compares each layer with the pipeline's.

    `class_name`: of the pipeline. `denoiser`: the configuration of its network. `shapes`: by component, by tensor.

    Raises:
        WeightsError: the adapter is refused; WeightsIncompatible for a layer that the pipeline does not have.
        FamilyNotInstalled: the extra is missing.
    """
    pipeline = getattr(library("diffusers"), architecture_of(class_name).pipeline)
    weights = read_lora(folder, pipeline, SimpleNamespace(config=SimpleNamespace(**denoiser)))
    for component, layers in weights.layers.items():
        known = shapes.get(component)
        if known is None:
            raise WeightsIncompatible(component, "this pipeline has no such component: it is for another architecture")
        for path, layer in layers.items():
            _check_layer(known, path, layer, f"{component}.{path}"[:120])


def _check_layer(known: Mapping[str, Sequence[int]], path: str, layer: LoraLayer, where: str) -> None:
    names = (path, path.removeprefix(_WORD), f"{_WORD}{path}")
    shape = next((known[f"{name}.weight"] for name in names if f"{name}.weight" in known), None)
    if shape is None or len(shape) not in (2, 4):
        raise WeightsIncompatible(where, "there is no such layer: it is for another architecture")
    if (layer.up.shape[0], layer.down.shape[1]) != (shape[0], shape[1]):
        raise WeightsIncompatible(where, "its matrices have another shape than the layer: it is for another size")
