"""A pretrained backbone in a runner: loaded once, the one that was asked for, or an error with a name."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from impasto.errors import JobFailed
from impasto_ml.encoders.backbone_identity import BackboneIdentity
from impasto_ml.encoders.backbone_networks import LibraryMissing
from impasto_ml.encoders.backbone_repository import BackboneMissing
from impasto_ml.encoders.backbones import Backbone
from impasto_ml.weights import WeightsError
from impasto_worker.backbone_files import missing_backbone
from impasto_worker.computing import device


def load_backbone(backbones: Path, name: str) -> Backbone:
    """The backbone of that name, on this runner's device.

    Raises:
        JobFailed: it is not here (`pretrained_missing`), a library that it needs is not (`library_missing`), or its
            repository is refused (`model_format_unsafe`, `model_corrupt`, `model_incompatible` ...).
    """
    try:
        return Backbone.load(backbones, name, device())
    except BackboneMissing as error:
        raise missing_backbone(name) from error
    except LibraryMissing as error:
        raise JobFailed("library_missing", str(error), hint="install it on the worker", package=name) from error
    except WeightsError as error:
        raise JobFailed(error.code, f"the backbone {name} is refused: {error}", package=name) from error


# A runner of the pool serves jobs of many checkpoints: the backbone of the last one stays, older ones leave memory.
@lru_cache(maxsize=1)
def same_backbone(backbones: Path, wanted: BackboneIdentity) -> Backbone:
    """The very backbone that a classifier learnt from.

    Raises:
        JobFailed: as `load_backbone`; also where the one of that name is another by now (`pretrained_missing`).
    """
    found = load_backbone(backbones, wanted.name)
    if found.identity != wanted:
        raise JobFailed(
            "pretrained_missing",
            f"this worker has another backbone under the name {wanted.name} than the classifier learnt from",
            hint="put the repository that it learnt from back, or train again",
            package=wanted.name,
            limit=wanted.digest,
            actual=found.identity.digest,
        )
    return found
