"""Large pipelines of diffusers from a folder: checked, loaded whole, drawn step by step, with LoRA adapters."""

from pathlib import Path

import torch

from impasto_ml.weights import check_repository

from .architectures import ARCHITECTURES, LAYOUTS, Architecture
from .drawing import DiffusersDrawing, DiffusersTextToImage
from .fitting import check_fits
from .installed import FamilyNotInstalled
from .loading import LoadedPipeline, check_tensors, default_dtype, load_pipeline
from .memory import MemoryEstimate, default_size, estimate
from .sizes import SizeNotAllowed

FAMILY = "diffusers"

__all__ = [
    "ARCHITECTURES",
    "FAMILY",
    "LAYOUTS",
    "Architecture",
    "DiffusersDrawing",
    "DiffusersTextToImage",
    "FamilyNotInstalled",
    "LoadedPipeline",
    "MemoryEstimate",
    "SizeNotAllowed",
    "check_fits",
    "check_tensors",
    "default_dtype",
    "default_size",
    "estimate",
    "load",
    "load_pipeline",
]


def load(folder: Path, device: str = "cpu", threads: int = 0) -> DiffusersTextToImage:
    """The pipeline in `folder`, ready to draw; its files are checked, but for numbers that are none.

    Raises:
        WeightsError: the folder is refused.
        FamilyNotInstalled: the extra is missing.
    """
    if threads:
        torch.set_num_threads(threads)
    return DiffusersTextToImage.load(folder, device, repository=check_repository(folder, LAYOUTS, numbers=False))
