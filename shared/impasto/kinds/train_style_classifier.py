"""`train.style_classifier`: learns to tell hands (or media) apart on frozen picture features."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from impasto.datasets import Name
from impasto.identifiers import CheckpointId, DatasetVersionId, Sha256
from impasto.kinds.kind import Kind, Params, Result

BackboneName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-][A-Za-z0-9._-]{0,79}$")]


class TrainStyleClassifier(Params):
    """Train a style classifier on the train half of a dataset version."""

    dataset_version: DatasetVersionId
    name: Name = Field("style-classifier", examples=["hands"])
    label: Literal["artist", "medium"] = "artist"
    exclude_labels: list[str] = Field(
        [], max_length=100, description="Labels left out of training, to measure 'unknown' on."
    )
    flavor: Literal["tiny", "base"] = "base"
    epochs: int = Field(60, ge=1, le=1000)
    learning_rate: float = Field(1e-3, gt=0, le=1)
    batch_size: int = Field(64, ge=1, le=4096)
    views: int = Field(
        0, ge=0, le=8, description="Varied views of each picture to learn from besides: steadier, and slower by each."
    )
    backbone: BackboneName | None = Field(
        None,
        examples=["dinov2-small"],
        description="A folder among the worker's backbones, whose features are learnt from instead of the shards'.",
    )
    seed: int = Field(0, ge=0, lt=2**32)


class TrainedStyleClassifier(Result):
    """The checkpoint, not yet measured: submit `evaluate.checkpoint` for that."""

    checkpoint: CheckpointId
    weights_sha256: Sha256
    classes: list[str]
    train_samples: int
    steps: int
    temperature: float
    final_loss: float
    loss: list[tuple[int, float]] = Field(description="(step, loss), thinned to at most 500 points.")


KIND = Kind(
    name="train.style_classifier",
    params=TrainStyleClassifier,
    result=TrainedStyleClassifier,
    queue="train",
    shape="run",
    run_limit_s=24 * 3600,
    no_progress_s=3600,
    summary="Train a style classifier on a dataset version.",
)
