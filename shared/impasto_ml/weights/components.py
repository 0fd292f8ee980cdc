"""Which weight files belong to which component: one file, or shards and their index."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .configuration import read_json
from .errors import WeightsCorrupt, WeightsIncompatible, WeightsUnsafe
from .headers import Header, TensorEntry
from .pipelines import PipelineIndex

_STEMS = {"diffusers": "diffusion_pytorch_model", "transformers": "model", "stable_diffusion": "model"}
# Components without weights of their own.
_WEIGHTLESS = ("scheduler", "tokenizer", "feature_extractor")
_VARIANTS = (None, "fp16", "bf16")


@dataclass(frozen=True, slots=True)
class WeightFiles:
    """`files` are relative to the repository; `variant` is the word between stem and suffix, as in `model.fp16`."""

    files: tuple[str, ...]
    variant: str | None
    tensors: tuple[TensorEntry, ...]

    @property
    def size_bytes(self) -> int:
        return sum(tensor.size_bytes for tensor in self.tensors)


def find_weights(folder: Path, index: PipelineIndex, headers: Mapping[str, Header]) -> dict[str, WeightFiles]:
    """The weight files of every component that has some; those without a variant are preferred.

    Raises:
        WeightsIncompatible: a component has no weights, or its configuration is of another class.
        WeightsUnsafe: an index of shards points out of its folder, or to something else than safetensors.
        WeightsCorrupt: an index of shards and the shards contradict each other.
    """
    found: dict[str, WeightFiles] = {}
    for name, (library, class_name) in index.components.items():
        if name.startswith(_WEIGHTLESS):
            continue
        config = read_json(folder / name / "config.json", f"{name}/config.json") if _has_config(folder, name) else {}
        if not config:
            raise WeightsIncompatible(f"{name}/config.json", "there is no such file")
        if library == "diffusers" and config.get("_class_name") != class_name:
            raise WeightsIncompatible(f"{name}/config.json", f"its class is not {class_name}")
        found[name] = _of_component(folder, name, _STEMS[library], headers)
    return found


def _has_config(folder: Path, name: str) -> bool:
    return (folder / name / "config.json").is_file()


def _of_component(folder: Path, component: str, stem: str, headers: Mapping[str, Header]) -> WeightFiles:
    for variant in _VARIANTS:
        middle = f".{variant}" if variant else ""
        single = f"{component}/{stem}{middle}.safetensors"
        if single in headers:
            return WeightFiles((single,), variant, headers[single].tensors)
        for place in _index_names(component, stem, middle):
            if (folder / place).is_file():
                shards = _shards(folder, component, place, headers)
                return WeightFiles(shards, variant, tuple(_tensors(shards, headers)))
    raise WeightsIncompatible(component, "it has no weights as safetensors")


def _index_names(component: str, stem: str, middle: str) -> tuple[str, str]:
    # Both orders are in use: the index of a variant is written differently by the two libraries.
    return f"{component}/{stem}.safetensors.index{middle}.json", f"{component}/{stem}{middle}.safetensors.index.json"


def _tensors(shards: tuple[str, ...], headers: Mapping[str, Header]) -> Iterator[TensorEntry]:
    for shard in shards:
        yield from headers[shard].tensors


def check_shard_names(table: Mapping[str, Any], place: str) -> None:
    """Raises WeightsUnsafe if an index of shards names anything but safetensors files beside itself."""
    shards = table.get("weight_map")
    if not isinstance(shards, dict) or not shards:
        raise WeightsCorrupt(place, "it has no map of weights")
    for shard in set(map(str, shards.values())):
        if "/" in shard or "\\" in shard or shard.startswith("."):
            raise WeightsUnsafe(place, "it points to another folder")
        if not shard.endswith(".safetensors"):
            raise WeightsUnsafe(place, "it points to weights that are not safetensors")


def _shards(folder: Path, component: str, place: str, headers: Mapping[str, Header]) -> tuple[str, ...]:
    claimed = {name: f"{component}/{shard}" for name, shard in read_json(folder / place, place)["weight_map"].items()}
    shards = tuple(sorted(set(claimed.values())))
    for shard in shards:
        if shard not in headers:
            raise WeightsCorrupt(place, "it points to a file that is not there")
    if claimed != {tensor.name: shard for shard in shards for tensor in headers[shard].tensors}:
        raise WeightsCorrupt(place, "it and its shards do not hold the same tensors")
    return shards
