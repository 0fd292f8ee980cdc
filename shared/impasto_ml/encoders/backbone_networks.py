"""Builds a backbone's network from a checked repository: every number from its file, none left to chance."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from impasto_ml.weights import WeightsIncompatible

from .backbone_architectures import ARCHITECTURES
from .backbone_repository import CONFIG, WEIGHTS, BackboneRepository

# Old files lack the count of batches, which nothing here reads.
_UNUSED = "num_batches_tracked"
# What a file may hold beyond the network: what it was trained with. Anything else belongs to a larger network than its
# config tells of.
_HEADS = frozenset({"classifier", "head", "head_dist", "fc", "last_linear", "pooler", "decoder", "mask_token"})


class LibraryMissing(RuntimeError):
    """The library that builds this network is not installed, or does not import; the message says which."""


def build_network(repository: BackboneRepository) -> nn.Module:
    """Of the transformers library, in float32.

    Raises:
        LibraryMissing: without that library.
        WeightsIncompatible: config and weights do not belong together.
    """
    try:
        import transformers
    except ImportError as error:
        raise LibraryMissing("backbones need the library transformers: install impasto[diffusers]") from error
    architecture = ARCHITECTURES[repository.architecture]
    model: Any = getattr(transformers, f"{architecture.stem}Model")
    try:
        config = getattr(transformers, f"{architecture.stem}Config")(**repository.config)
        _check_size(model, config, architecture.options, repository)
        with _quiet(transformers):
            # From numbers in memory: the library is never told where the repository lies.
            network, told = model.from_pretrained(
                None, config=config, state_dict=_floats(repository), output_loading_info=True, **architecture.options
            )
    except WeightsIncompatible:
        raise
    except Exception as error:
        # The library says in many ways that a config makes no sense; none of them is a fault of ours.
        raise WeightsIncompatible(CONFIG, "no network can be built from it with these weights") from error
    _check_whole([*told["missing_keys"], *told["mismatched_keys"]], told["unexpected_keys"])
    built: nn.Module = network
    return built


def build_timm_network(repository: BackboneRepository) -> nn.Module:
    """Of the timm library, without its classifier. Raises as `build_network` does."""
    try:
        timm: Any = import_module("timm")
    except (ImportError, RuntimeError) as error:
        # An unfitting torchvision raises RuntimeError when it is imported.
        raise LibraryMissing(
            "DenseNet and SENet need the libraries timm and torchvision, which do not import on this worker"
        ) from error
    name = str(repository.config["architecture"]).partition(".")[0]
    try:
        network: nn.Module = timm.create_model(name, pretrained=False, num_classes=0)
        told = network.load_state_dict(_floats(repository), strict=False)
    except (RuntimeError, ValueError) as error:
        raise WeightsIncompatible(CONFIG, f"no {name[:80]} can be built with these weights") from error
    _check_whole(told.missing_keys, told.unexpected_keys)
    return network


def pooled(output: Any) -> Tensor:
    """B x D of what a network gives: its own pooling, else the class token, else the mean over places."""
    if isinstance(output, Tensor):
        return output
    if output.get("pooler_output") is not None:
        pooler: Tensor = output["pooler_output"]
        return pooler.flatten(1)
    last: Tensor = output["last_hidden_state"]
    return last[:, 0] if last.ndim == 3 else last.mean(dim=(2, 3))


def _check_whole(missing: Iterable[object], beyond: Iterable[object]) -> None:
    """The network's tensors are all there, and nothing beside them but the heads it was trained with."""
    if lacking := sorted(str(name) for name in missing if _UNUSED not in str(name)):
        raise WeightsIncompatible(WEIGHTS, f"{len(lacking)} tensors are missing or of another shape: {lacking[0][:80]}")
    if foreign := sorted(str(name) for name in beyond if not _HEADS & set(str(name).split("."))):
        raise WeightsIncompatible(WEIGHTS, f"{len(foreign)} tensors are of no part of it: {foreign[0][:80]}")


def _floats(repository: BackboneRepository) -> dict[str, Tensor]:
    state = load_file(repository.weights)
    return {name: tensor.float() if tensor.is_floating_point() else tensor for name, tensor in state.items()}


def _check_size(model: Any, config: Any, options: Any, repository: BackboneRepository) -> None:
    """Laid out without memory: a config must not ask for more numbers than its file holds."""
    with torch.device("meta"):
        wanted = sum(tensor.numel() for tensor in model(config, **options).parameters())
    held = sum(torch.Size(shape).numel() for shape in repository.header.shapes.values())
    if wanted > held:
        raise WeightsIncompatible(CONFIG, f"its network has {wanted} numbers and {WEIGHTS} holds {held}")


@contextmanager
def _quiet(transformers: Any) -> Iterator[None]:
    """The library prints a table of what it did not need and a bar; what matters is raised instead."""
    logging = transformers.utils.logging
    before, bar = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity(logging.CRITICAL)
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(before)
        if bar:
            logging.enable_progress_bar()
