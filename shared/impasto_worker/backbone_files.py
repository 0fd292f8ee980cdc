"""A pretrained backbone as the worker's own process sees it: whether it is here, and what lineage calls it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from impasto.checkpoints import Checkpoint
from impasto.errors import JobFailed


def require_backbone(backbones: Path, name: str) -> None:
    """Ends the job here, before a runner is started for nothing, unless there is a folder of that name.

    Raises:
        JobFailed: there is none (`pretrained_missing`).
    """
    # The name is a checked parameter or was one when the checkpoint was made: it is no path.
    if not (backbones / name / "config.json").is_file():
        raise missing_backbone(name)


def missing_backbone(name: str) -> JobFailed:
    """What a job fails with on a worker that lacks this backbone."""
    return JobFailed(
        "pretrained_missing",
        f"the backbone {name} is not on this worker",
        hint="put its repository into the worker's folder of backbones, IMPASTO_BACKBONES",
        package=name,
    )


def backbone_of(checkpoint: Checkpoint) -> Mapping[str, Any] | None:
    """The identity of the backbone that a style classifier reads; None where shards' features are enough."""
    backbone: Mapping[str, Any] | None = checkpoint.config["config"].get("backbone")
    return backbone


def backbone_node(identity: Mapping[str, Any]) -> str:
    """What lineage calls it: `pretrained:<name>@<the first twelve digits of its digest>`."""
    return f"pretrained:{identity['name']}@{identity['digest'][:12]}"
