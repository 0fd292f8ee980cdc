"""LoRA weights read from a folder: for each component, each layer's pair of matrices and its scale.

Shapes: r the rank; A is r x in (r x in x k x k for a convolution), B is out x r.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from safetensors.torch import load_file
from torch import Tensor

from impasto_ml.weights import WeightsCorrupt, WeightsIncompatible, check_adapter, read_json

_COMPONENTS = ("unet", "transformer", "text_encoder", "text_encoder_2")
_PEFT, _PEFT_PREFIX = "adapter_config.json", "base_model.model."
_METADATA = "lora_adapter_metadata"
_A, _B, _ALPHA = ".lora_A.weight", ".lora_B.weight", ".alpha"
# Names that the same two matrices have had.
_ENDINGS = {
    _A: (".lora.down.weight", ".lora_linear_layer.down.weight", ".lora_down.weight"),
    _B: (".lora.up.weight", ".lora_linear_layer.up.weight", ".lora_up.weight"),
}
# The four matrices of attention, which had names of their own: in text encoders and in networks that see.
_ATTENTION = re.compile(r"\.(?:processor\.)?to_(q|k|v|out)_lora\.")
_SPOKEN = {"q": "q_proj", "k": "k_proj", "v": "v_proj", "out": "out_proj"}
_SEEN = {"q": "to_q", "k": "to_k", "v": "to_v", "out": "to_out.0"}
# What changes the meaning of the matrices; only the plain form is supported.
_VARIANTS = ("use_rslora", "use_dora", "lora_bias", "rank_pattern", "alpha_pattern", "layer_replication")
_MOST_RANK = 1024


@dataclass(frozen=True, slots=True)
class LoraLayer:
    """`alpha` over the rank is how strongly B A is added."""

    down: Tensor
    up: Tensor
    alpha: float

    @property
    def rank(self) -> int:
        return int(self.down.shape[0])


@dataclass(slots=True)
class LoraWeights:
    """By component, then by the layer's path in it."""

    layers: dict[str, dict[str, LoraLayer]] = field(default_factory=dict)

    @property
    def size_bytes(self) -> int:
        return sum(la.down.nbytes + la.up.nbytes for of in self.layers.values() for la in of.values())


def read_lora(folder: Path, pipeline_class: Any, denoiser: Any) -> LoraWeights:
    """The adapter in `folder`, in diffusers' layout or one that diffusers converts (kohya's, for example).

    `pipeline_class` converts; `denoiser` has the configuration that some conversions need.

    Raises:
        WeightsError: the file is refused; WeightsIncompatible for LoRA of another kind than the plain one.
    """
    path, header = check_adapter(folder)
    where = path.name
    own = _denoiser_name(pipeline_class)
    facts = _facts(header.metadata, where, own) | _peft_facts(path.parent, own)
    tensors, alphas = _in_layout(load_file(path), pipeline_class, denoiser, own, where)
    found = LoraWeights()
    for key in sorted(tensors):
        component, _, rest = key.partition(".")
        if rest.endswith(_A):
            layer = rest.removesuffix(_A)
            pair = tensors[key], tensors.get(f"{component}.{layer}{_B}")
            alpha = alphas.get(f"{component}.{layer}{_ALPHA}", facts.get(component))
            found.layers.setdefault(component, {})[layer] = _layer(*pair, alpha, f"{where}:{key[:80]}")
        elif not (rest.endswith(_B) and key.removesuffix(_B) + _A in tensors):
            raise WeightsIncompatible(f"{where}:{key[:80]}", "it is no matrix of a plain LoRA layer")
    if not found.layers:
        raise WeightsIncompatible(where, "there is no LoRA layer in it")
    return found


def _denoiser_name(pipeline_class: Any) -> str:
    return (
        "unet"
        if pipeline_class.__name__.startswith(("StableDiffusionPipeline", "StableDiffusionXL"))
        else "transformer"
    )


def _layer(down: Tensor, up: Tensor | None, alpha: float | None, where: str) -> LoraLayer:
    if up is None or down.ndim not in (2, 4) or up.ndim != down.ndim or up.shape[1] != down.shape[0]:
        raise WeightsIncompatible(where, "its two matrices do not belong together")
    if not 1 <= down.shape[0] <= _MOST_RANK:
        raise WeightsIncompatible(where, f"its rank is not 1 to {_MOST_RANK}")
    return LoraLayer(down, up, float(down.shape[0]) if alpha is None else float(alpha))


def _peft_facts(folder: Path, own: str) -> dict[str, float]:
    """Alpha as peft's own layout notes it beside the weights; nothing else of that file is followed."""
    if not (folder / _PEFT).is_file():
        return {}
    return _alphas(read_json(folder / _PEFT, _PEFT), _PEFT, own)


def _facts(metadata: Mapping[str, str], where: str, own: str) -> dict[str, float]:
    """Alpha by component, as the trainer noted it in the header."""
    try:
        noted = json.loads(metadata.get(_METADATA, "{}"))
    except (ValueError, RecursionError):
        raise WeightsCorrupt(where, "its notes on the adapter are not JSON") from None
    if not isinstance(noted, dict):
        raise WeightsCorrupt(where, "its notes on the adapter are not a JSON object")
    return _alphas(noted, where, own)


def _alphas(noted: Mapping[str, Any], where: str, own: str) -> dict[str, float]:
    alphas: dict[str, float] = {}
    for key, value in noted.items():
        component, _, name = key.rpartition(".")
        if name in _VARIANTS and value:
            raise WeightsIncompatible(where, f"{name} is not supported")
        if name == "lora_alpha":
            if not isinstance(value, int | float) or not 0 < value < 1e6:
                raise WeightsCorrupt(where, "its alpha is not a positive number")
            alphas[component or own] = float(value)
    return alphas


def _in_layout(
    tensors: dict[str, Tensor], pipeline_class: Any, denoiser: Any, own: str, where: str
) -> tuple[dict[str, Tensor], dict[str, float]]:
    alphas: dict[str, Any] = {}
    if all(key.endswith((_A, _B)) and key.split(".", 1)[0] not in _COMPONENTS for key in tensors):
        # Saved from the network alone, by either library.
        tensors = {f"{own}.{key.removeprefix(_PEFT_PREFIX)}": tensor for key, tensor in tensors.items()}
    if not all(key.split(".", 1)[0] in _COMPONENTS for key in tensors):
        tensors, alphas = _converted(tensors, pipeline_class, denoiser, where)
    renamed: dict[str, Tensor] = {}
    scales: dict[str, float] = {}
    for key, tensor in tensors.items():
        if not key.endswith(_ALPHA):
            renamed[_plain_name(key)] = tensor
        elif tensor.numel() == 1:
            alphas[key] = tensor.item()
    for key, value in alphas.items():
        scales[_plain_name(key.removesuffix(_ALPHA)).removesuffix(_A) + _ALPHA] = float(value)
    if len(renamed) + sum(key.endswith(_ALPHA) for key in tensors) != len(tensors):
        raise WeightsCorrupt(where, "a layer occurs under two names")
    return renamed, scales


def _plain_name(key: str) -> str:
    """The name of a matrix as peft has it, from the older ones that diffusers converts to."""
    spoken = key.startswith("text_encoder")
    key = _ATTENTION.sub(lambda found: f".{_SPOKEN[found[1]] if spoken else _SEEN[found[1]]}.lora.", key)
    for new, olds in _ENDINGS.items():
        for old in olds:
            if key.endswith(old):
                return key.removesuffix(old) + new
    return key


def _converted(
    tensors: dict[str, Tensor], pipeline_class: Any, denoiser: Any, where: str
) -> tuple[dict[str, Tensor], dict[str, Any]]:
    if not hasattr(pipeline_class, "lora_state_dict"):
        raise WeightsIncompatible(where, "its layers are not named after this pipeline's components")
    needs = {"unet_config": denoiser.config} if pipeline_class.__name__.startswith("StableDiffusionXL") else {}
    try:
        told = pipeline_class.lora_state_dict(dict(tensors), **needs)
    except (AttributeError, LookupError, NotImplementedError, RuntimeError, TypeError, ValueError) as error:
        raise WeightsIncompatible(where, "its layers are not named after this pipeline's components") from error
    state, alphas = told if isinstance(told, tuple) else (told, None)
    return dict(state), dict(alphas or {})
