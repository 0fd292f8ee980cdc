"""A backbone's folder, read and checked in full before any library that could run something of it sees a byte.

Three files of a repository count: `config.json`, `preprocessor_config.json` (timm keeps both in the first) and
`model.safetensors`. Whatever else lies there is never opened.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from impasto_ml.weights import Header, WeightsIncompatible, WeightsUnsafe, check_finite, check_weight_file, read_json

from .backbone_architectures import ARCHITECTURES, TIMM, Architecture, chosen_fields, is_timm_architecture
from .backbone_identity import Preprocessing, is_backbone_name
from .backbone_preprocessing import preprocessing_of, timm_preprocessing_of

CONFIG: Final = "config.json"
PREPROCESSOR: Final = "preprocessor_config.json"
WEIGHTS: Final = "model.safetensors"
# Batch normalisation counts its batches in whole numbers; nothing else of a network is one.
_FLOATS: Final = ("F32", "F16", "BF16")


class BackboneMissing(LookupError):
    """There is no such backbone in the folder of backbones."""


@dataclass(frozen=True)
class BackboneRepository:
    """`architecture`: the config's `model_type`, or "timm"; `config`: what its network is built from, and no more."""

    name: str
    folder: Path
    architecture: str
    config: Mapping[str, Any]
    preprocessing: Preprocessing
    header: Header
    digest: str

    @property
    def weights(self) -> Path:
        return self.folder / WEIGHTS


def find_backbone(backbones: Path, name: str) -> Path:
    """The folder of that name. Raises BackboneMissing; a name that could be a path is no name."""
    folder = backbones / name
    if not is_backbone_name(name) or not (folder / CONFIG).is_file():
        raise BackboneMissing(name)
    return folder


def read_repository(folder: Path) -> BackboneRepository:
    """The repository in `folder`, every number of its weights looked at once.

    Raises:
        WeightsError: it is damaged, asks for code, holds pickles only, or is of an architecture that is not loaded.
    """
    config = read_json(folder / CONFIG, CONFIG)
    architecture = _architecture(config)
    if not (folder / WEIGHTS).is_file():
        raise WeightsUnsafe(WEIGHTS, "there is none, and weights in other formats are not read")
    try:
        if architecture == TIMM:
            fields: dict[str, Any] = {"architecture": config["architecture"]}
            preprocessing = timm_preprocessing_of(config["pretrained_cfg"])
        else:
            fields = _fields(config, ARCHITECTURES[architecture])
            preprocessing = preprocessing_of(_preprocessor(folder))
    except (LookupError, TypeError, ValueError, ArithmeticError, AttributeError) as error:
        if isinstance(error, (WeightsIncompatible, WeightsUnsafe)):
            raise
        reason = f"it lacks {error}" if isinstance(error, KeyError) else str(error)
        raise WeightsIncompatible(CONFIG, f"not understood: {reason[:200]}") from error
    header = check_weight_file(folder / WEIGHTS, WEIGHTS)
    _check_kinds(header)
    check_finite(folder / WEIGHTS, WEIGHTS, header)
    digest = _digest(folder, architecture, fields, preprocessing)
    return BackboneRepository(folder.name, folder, architecture, fields, preprocessing, header, digest)


def _architecture(config: Mapping[str, Any]) -> str:
    kind = config.get("model_type")
    if kind is None and is_timm_architecture(config.get("architecture")):
        return TIMM
    if not isinstance(kind, str) or kind not in ARCHITECTURES:
        known = ", ".join(ARCHITECTURES)
        raise WeightsIncompatible(CONFIG, f"its model_type is none of {known}, nor is it timm's DenseNet or SENet")
    trained_as = config.get("architectures") or []
    if not isinstance(trained_as, list) or not set(map(str, trained_as)) <= ARCHITECTURES[kind].trained_as:
        raise WeightsIncompatible(
            CONFIG, f"its architectures are none of {', '.join(sorted(ARCHITECTURES[kind].trained_as))}"
        )
    return kind


def _fields(config: Mapping[str, Any], architecture: Architecture) -> dict[str, Any]:
    fields = chosen_fields(config, architecture)
    if fields.get("num_channels", 3) != 3:
        raise ValueError("only pictures with three channels are made")
    return fields


def _preprocessor(folder: Path) -> dict[str, Any]:
    if not (folder / PREPROCESSOR).is_file():
        raise WeightsIncompatible(PREPROCESSOR, "there is none, so nobody knows how its pictures are made")
    return read_json(folder / PREPROCESSOR, PREPROCESSOR)


def _check_kinds(header: Header) -> None:
    for tensor in header.tensors:
        counter = tensor.name.endswith("num_batches_tracked")
        # Position tables of some networks are stored beside what they index.
        if tensor.dtype not in _FLOATS and not counter and not tensor.name.endswith("relative_position_index"):
            raise WeightsIncompatible(f"{WEIGHTS}:{tensor.name[:80]}", f"numbers of the kind {tensor.dtype}")


def _digest(folder: Path, architecture: str, fields: Mapping[str, Any], preprocessing: Preprocessing) -> str:
    """Of the weights and of what they are read with: comments in a config make no other backbone."""
    with (folder / WEIGHTS).open("rb") as file:
        weights = hashlib.file_digest(file, "sha256").hexdigest()
    told = json.dumps([architecture, dict(fields), repr(preprocessing), weights], sort_keys=True)
    return hashlib.sha256(told.encode()).hexdigest()
