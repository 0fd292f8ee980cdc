"""LoRA adapters attached to a loaded pipeline: changed between two steps, the least recently used leave first."""

from __future__ import annotations

import re
import warnings
from collections import Counter, OrderedDict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from impasto_ml.weights import WeightsIncompatible

from .adapter_weights import LoraLayer, LoraWeights, read_lora
from .installed import library
from .loading import LoadedPipeline

Scales = tuple[tuple[Path, float], ...]


class AttachedAdapters:
    """Folders of LoRA weights on the components of one pipeline. At most `most` stay attached."""

    def __init__(self, loaded: LoadedPipeline, most: int = 8) -> None:
        self._loaded, self._most = loaded, most
        self._names: OrderedDict[Path, str] = OrderedDict()
        self._layers: list[Any] = []
        self._count = 0
        self._active: Scales = ()

    @property
    def attached(self) -> tuple[Path, ...]:
        """The folders, least recently used first."""
        return tuple(self._names)

    def activate(self, wanted: Scales) -> None:
        """Makes exactly these adapters count, each with its scale; none: the base as it was loaded.

        Raises:
            WeightsError: one is refused. What was active before stays active.
            FamilyNotInstalled: `peft` is missing.
        """
        if wanted == self._active:
            return
        scales: dict[Path, float] = {}
        for folder, scale in wanted:
            scales[folder] = scales.get(folder, 0.0) + scale
        for folder in scales:
            if folder not in self._names:
                self._attach(folder)
        for folder in scales:
            self._names.move_to_end(folder)
        while len(self._names) > max(self._most, len(scales)):
            self._detach(self._names.popitem(last=False)[1])
        self._set({self._names[folder]: scale for folder, scale in scales.items()})
        self._active = wanted

    def _set(self, scales: Mapping[str, float]) -> None:
        for layer in self._layers:
            mine = [name for name in scales if name in layer.lora_A]
            layer.enable_adapters(bool(mine))
            if mine:
                layer.set_adapter(mine, inference_mode=True)
                for name in mine:
                    layer.set_scale(name, scales[name])

    def _find_layers(self) -> None:
        """Walking all modules takes longer than all else that a change of adapters does: once for each new one."""
        kind = library("peft").tuners.tuners_utils.BaseTunerLayer
        networks = [c for c in self._loaded.components.values() if isinstance(c, torch.nn.Module)]
        self._layers = [module for network in networks for module in network.modules() if isinstance(module, kind)]

    def _attach(self, folder: Path) -> None:
        library("peft")
        architecture, components = self._loaded.architecture, self._loaded.components
        converter = getattr(library("diffusers"), architecture.pipeline)
        weights = read_lora(folder, converter, components[architecture.denoiser])
        placed = _placed(weights, components)
        self._count += 1
        name = f"adapter_{self._count}"
        try:
            for component, layers in placed.items():
                _inject(components[component], layers, name, component)
            self._find_layers()
        except BaseException:
            self._find_layers()
            self._detach(name)
            raise
        finally:
            # New layers come switched on.
            self._restore()
        self._names[folder] = name

    def _restore(self) -> None:
        scales = {self._names[folder]: 0.0 for folder, _ in self._active}
        for folder, scale in self._active:
            scales[self._names[folder]] += scale
        self._set(scales)

    def _detach(self, name: str) -> None:
        for layer in self._layers:
            if name in layer.lora_A:
                layer.delete_adapter(name)
        for component in self._loaded.components.values():
            getattr(component, "peft_config", {}).pop(name, None)


def _placed(weights: LoraWeights, components: Mapping[str, Any]) -> dict[str, dict[str, LoraLayer]]:
    """The same layers under the paths they have here; raises WeightsIncompatible unless all fit."""
    placed: dict[str, dict[str, LoraLayer]] = {}
    for component, layers in weights.layers.items():
        network = components.get(component)
        if not isinstance(network, torch.nn.Module):
            raise WeightsIncompatible(component, "this pipeline has no such component: it is for another architecture")
        modules = dict(network.named_modules())
        for path, layer in layers.items():
            # Text encoders have lost the first word of their paths.
            here = path if path in modules else path.removeprefix("text_model.")
            _check_fits(modules.get(here), layer, f"{component}.{path}")
            placed.setdefault(component, {})[here] = layer
    return placed


def _check_fits(module: Any, layer: LoraLayer, where: str) -> None:
    base = module.get_base_layer() if hasattr(module, "get_base_layer") else module
    weight = getattr(base, "weight", None)
    if not isinstance(base, torch.nn.Linear | torch.nn.Conv2d) or weight is None:
        raise WeightsIncompatible(where, "there is no such layer: it is for another architecture")
    down, up = tuple(layer.down.shape), tuple(layer.up.shape)
    fits = down[1:] == tuple(weight.shape[1:]) and up[0] == weight.shape[0] and set(up[2:]) <= {1}
    if not fits:
        raise WeightsIncompatible(where, "the layer has another shape: it is for another architecture or size")


def _inject(network: Any, layers: Mapping[str, LoraLayer], name: str, where: str) -> None:
    peft = library("peft")
    ranks = Counter(layer.rank for layer in layers.values())
    alphas = Counter(layer.alpha for layer in layers.values())
    rank, alpha = ranks.most_common(1)[0][0], alphas.most_common(1)[0][0]
    exact = {path: f"^{re.escape(path)}$" for path in layers}
    config = peft.LoraConfig(
        r=rank,
        lora_alpha=alpha,
        target_modules=list(layers),
        rank_pattern={exact[path]: layer.rank for path, layer in layers.items() if layer.rank != rank},
        alpha_pattern={exact[path]: layer.alpha for path, layer in layers.items() if layer.alpha != alpha},
        inference_mode=True,
    )
    state = {f"{path}.lora_A.weight": layer.down for path, layer in layers.items()}
    state |= {f"{path}.lora_B.weight": layer.up for path, layer in layers.items()}
    with warnings.catch_warnings():
        # That there are several adapters is meant.
        warnings.simplefilter("ignore", UserWarning)
        peft.inject_adapter_in_model(config, network, adapter_name=name, state_dict=state)
    told = peft.set_peft_model_state_dict(network, state, adapter_name=name)
    missing = [key for key in told.missing_keys if f".{name}." in key or key.endswith(f".{name}")]
    if missing or told.unexpected_keys:
        raise WeightsIncompatible(where, f"{len(missing)} keys missing, {len(told.unexpected_keys)} unexpected")
    network.requires_grad_(False).eval()
