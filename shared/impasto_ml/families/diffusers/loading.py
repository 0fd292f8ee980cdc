"""A pipeline from a folder: checked as files, built from allowed classes only, with every tensor in its place."""

from __future__ import annotations

import inspect
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from impasto_ml.weights import Repository, WeightsIncompatible, check_repository
from impasto_ml.weights.components import WeightFiles

from .architectures import LAYOUTS, Architecture, architecture_of
from .installed import library

# What the libraries raise for a configuration that does not fit its weights, or makes no sense.
_UNFIT = (ArithmeticError, AssertionError, AttributeError, LookupError, OSError, RuntimeError, TypeError, ValueError)
_NAMED = 3
_FLOATS = {"F16": torch.float16, "BF16": torch.bfloat16, "F32": torch.float32}


@dataclass(frozen=True, slots=True)
class LoadedPipeline:
    """`components` by name, None for those left out; pipelines are made from them with `pipeline`."""

    architecture: Architecture
    repository: Repository
    components: Mapping[str, Any]
    settings: Mapping[str, bool]
    device: torch.device
    dtype: torch.dtype

    def pipeline(self, *, from_picture: bool = False, **changes: Any) -> Any:
        """A pipeline object of its own on the shared components: it may keep state while it draws.

        Raises:
            ValueError: this architecture does not start from pictures.
        """
        name = self.architecture.from_picture if from_picture else self.architecture.pipeline
        if name is None:
            raise ValueError("this architecture does not start from a picture")
        kind = getattr(library("diffusers"), name)
        taken = inspect.signature(kind.__init__).parameters
        given = {**self.settings, **self.components, **changes}
        return kind(**{key: value for key, value in given.items() if key in taken})


def default_dtype(device: str | torch.device) -> torch.dtype:
    """bf16 on a GPU; fp32 on a CPU, where half precision is no faster."""
    return torch.bfloat16 if torch.device(device).type == "cuda" else torch.float32


def load_pipeline(
    folder: Path,
    device: str | torch.device = "cpu",
    dtype: torch.dtype | None = None,
    repository: Repository | None = None,
) -> LoadedPipeline:
    """Loads the folder of a pipeline as `save_pretrained` writes it, without a network and without code of others.

    `repository`: what `check_repository` answered for it; the folder is checked here unless given, numbers included.

    Raises:
        WeightsError: the folder is refused; WeightsIncompatible also for a tensor missing, left over or misshapen.
        FamilyNotInstalled: the extra is missing.
    """
    library("diffusers"), library("transformers")
    repository = repository or check_repository(folder, LAYOUTS)
    index, architecture = repository.index, architecture_of(repository.index.class_name)
    device, dtype = torch.device(device), dtype or default_dtype(device)
    components: dict[str, Any] = dict.fromkeys(architecture.layout.components)
    for name, (origin, class_name) in index.components.items():
        components[name] = _load(repository, name, origin, class_name, device, dtype)
        if isinstance(components[name], torch.nn.Module):
            components[name] = components[name].to(device).eval().requires_grad_(False)
    settings = dict(index.settings)
    if "requires_safety_checker" in architecture.layout.settings:
        settings["requires_safety_checker"] = components["safety_checker"] is not None
    if "add_watermarker" in architecture.layout.settings:
        # It needs a further package; pictures are marked elsewhere.
        settings["add_watermarker"] = False
    return LoadedPipeline(architecture, repository, components, settings, device, dtype)


def check_tensors(repository: Repository) -> None:
    """Compares names and shapes of all tensors with what the classes of the components need, by their own loaders.

    On the meta device: nothing of the weights is read. What a loader would convert, such as older names, is no fault.

    Raises:
        WeightsIncompatible: a tensor is missing, left over or misshapen.
        FamilyNotInstalled: the extra is missing.
    """
    library("diffusers"), library("transformers")
    meta = torch.device("meta")
    for name, (origin, class_name) in repository.index.components.items():
        if weights := repository.weights.get(name):
            _load(repository, name, origin, class_name, meta, _stored_as(weights))


def _stored_as(weights: WeightFiles) -> torch.dtype:
    """What most of the bytes are: in another precision every tensor would be read to be converted."""
    sizes: Counter[str] = Counter()
    for tensor in weights.tensors:
        sizes[tensor.dtype] += tensor.size_bytes
    return _FLOATS.get(sizes.most_common(1)[0][0] if sizes else "F32", torch.float32)


def _class(origin: str, class_name: str) -> Any:
    if origin == "stable_diffusion":
        return getattr(library("diffusers").pipelines.stable_diffusion, class_name)
    if class_name.startswith(("CLIPFeature", "CLIPImage")):
        class_name = "CLIPImageProcessor"
    if class_name.endswith("TokenizerFast"):
        class_name = class_name.removesuffix("Fast")
    return getattr(library(origin), class_name)


def _load(
    repository: Repository, name: str, origin: str, class_name: str, device: torch.device, dtype: torch.dtype
) -> Any:
    kind, folder = _class(origin, class_name), repository.folder / name
    weights = repository.weights.get(name)
    try:
        if weights is None:
            return kind.from_pretrained(folder, local_files_only=True)
        precision = {"torch_dtype" if origin == "diffusers" else "dtype": dtype}
        # Otherwise they would be read first, and then let go.
        place = {"device_map": {"": "meta"}} if device.type == "meta" else {}
        component, told = kind.from_pretrained(
            folder,
            local_files_only=True,
            use_safetensors=True,
            variant=weights.variant,
            output_loading_info=True,
            **precision,
            **place,
        )
    except torch.OutOfMemoryError:
        raise
    except _UNFIT as error:
        raise WeightsIncompatible(name, f"it does not fit {class_name} ({type(error).__name__})") from error
    _check_complete(name, class_name, told)
    return component


def _check_complete(name: str, class_name: str, told: Mapping[str, Any]) -> None:
    """The libraries fill a missing tensor with random numbers and only warn."""
    for kind in ("missing_keys", "unexpected_keys", "mismatched_keys", "error_msgs"):
        if found := sorted(map(str, told.get(kind) or ())):
            some = ", ".join(found[:_NAMED])
            reason = f"{class_name}: {len(found)} {kind.replace('_', ' ')}, such as {some}"
            raise WeightsIncompatible(name, reason)
