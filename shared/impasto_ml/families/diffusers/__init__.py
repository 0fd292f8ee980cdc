"""Large pipelines of diffusers from a folder: checked, loaded whole, drawn step by step, with LoRA adapters."""

from .architectures import ARCHITECTURES, LAYOUTS, Architecture
from .drawing import DiffusersDrawing, DiffusersTextToImage
from .installed import FamilyNotInstalled
from .loading import LoadedPipeline, default_dtype, load_pipeline
from .memory import MemoryEstimate, estimate
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
    "default_dtype",
    "estimate",
    "load_pipeline",
]
