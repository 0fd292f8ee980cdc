"""Weights from outside are looked at before any library reads them: files, tensors, configuration, whole folders.

check_repository   a folder of a pipeline: which files, whose classes, which weights
check_weight_file  one safetensors file: its header and where its tensors lie
check_finite       its numbers: none is NaN or infinite
"""

from .configuration import read_json
from .errors import (
    WeightsCorrupt,
    WeightsError,
    WeightsIncompatible,
    WeightsNotFinite,
    WeightsTooLarge,
    WeightsUnsafe,
)
from .finite import check_finite
from .headers import Header, TensorEntry, check_weight_file
from .pipelines import ComponentSlot, PipelineLayout
from .repository import Limits, Repository, check_adapter, check_repository

__all__ = [
    "ComponentSlot",
    "Header",
    "Limits",
    "PipelineLayout",
    "Repository",
    "TensorEntry",
    "WeightsCorrupt",
    "WeightsError",
    "WeightsIncompatible",
    "WeightsNotFinite",
    "WeightsTooLarge",
    "WeightsUnsafe",
    "check_adapter",
    "check_finite",
    "check_repository",
    "check_weight_file",
    "read_json",
]
