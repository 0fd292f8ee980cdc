"""`train.text_to_image`: a model of one's own that draws from words, from the starter on or from nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field

from impasto.artifacts import ArtifactRef
from impasto.checkpoints import AnyCheckpoint
from impasto.datasets import Name
from impasto.identifiers import CheckpointId, DatasetVersionId, Sha256
from impasto.kinds.kind import Kind, Params, Result
from impasto.kinds.prompts import Prompt


class TrainTextToImage(Params):
    """Train a flowmini on the train half of a dataset version."""

    dataset_version: DatasetVersionId
    name: Name = Field("text-to-image", examples=["my-hand"])
    base: AnyCheckpoint | None = Field("starter", description="Where to go on from; null: from nothing.")
    flavor: Literal["tiny", "small-32", "small-64"] = Field("small-64", description="Without a base: which size.")
    style: Literal["artist", "medium", "none"] = Field("artist", description="Which field of the works names a style.")
    steps: int = Field(600, ge=1, le=1_000_000)
    batch_size: int = Field(32, ge=1, le=1024)
    learning_rate: float | None = Field(None, gt=0, le=0.1, description="None: 4e-4 from a base, 1e-3 from nothing.")
    caption_dropout: float = Field(0.1, ge=0, le=1, description="How often a picture is shown without its words.")
    style_dropout: float = Field(0.1, ge=0, le=1, description="How often a picture is shown without its style.")
    seed: int = Field(0, ge=0, lt=2**32)
    sample_prompts: list[Prompt] = Field([], max_length=8, description="Drawn on the way; none: captions of works.")
    sample_every: int = Field(100, ge=10, description="Steps between samples.")
    checkpoint_every: int = Field(100, ge=5, description="Steps between states that another worker can go on from.")


class SampleSheet(Result):
    """What was drawn after that many steps: a row for each style, a column for each prompt."""

    step: int
    artifact: ArtifactRef


class TrainedTextToImage(Result):
    """The new checkpoint and how it was made."""

    checkpoint: CheckpointId
    weights_sha256: Sha256
    styles: list[str]
    pictures: int
    steps: int
    final_loss: float = Field(description="Mean over the last 50 steps.")
    last_step_loss: float
    samples: list[SampleSheet]
    resumed_from_step: int | None = Field(None, description="Where this attempt went on, if an earlier one was lost.")
    train_seconds: float = Field(description="Of this attempt.")


def _work(params: Mapping[str, Any]) -> float:
    return float(params.get("steps", 600) * params.get("batch_size", 32))


KIND = Kind(
    name="train.text_to_image",
    params=TrainTextToImage,
    result=TrainedTextToImage,
    queue="train",
    shape="run",
    run_limit_s=7 * 86400,
    no_progress_s=3600,
    summary="Train a model that draws from words.",
    work=_work,
)
