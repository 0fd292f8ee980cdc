"""`evaluate.checkpoint`: accuracy, calibration and stability of a checkpoint, with intervals and counts."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from impasto.checkpoints import Measure
from impasto.identifiers import CheckpointId, DatasetVersionId, EvaluationId, Sha256
from impasto.kinds.kind import Kind, Params, Result


class EvaluateCheckpoint(Params):
    """Measure a checkpoint on samples it was not trained on."""

    checkpoint: CheckpointId
    dataset_version: DatasetVersionId
    split: Literal["validation", "train"] = "validation"
    perturbation_seeds: int = Field(4, ge=1, le=16)
    max_perturbed_samples: int = Field(400, ge=50, le=100_000, description="Samples each perturbation is tried on.")
    seed: int = Field(0, ge=0, lt=2**32)


class PerturbationMeasure(Result):
    """Accuracy under one declared perturbation, and its spread over seeds."""

    accuracy: Measure
    by_seed: list[float]
    spread: float = Field(description="Largest less smallest accuracy over the seeds.")


class EvaluatedCheckpoint(Result):
    """What was measured. Intervals are 95 % bootstrap intervals."""

    evaluation: EvaluationId
    samples: int
    classes: list[str]
    accuracy: Measure
    macro_f1: Measure
    ece: Measure
    unknown_auroc: Measure | None = Field(None, description="Known against left-out labels; none if there are none.")
    confusion: list[list[int]] = Field(description="Rows are true labels, columns predicted ones.")
    majority_baseline: Measure
    colour_baseline: Measure = Field(description="A classifier that sees only the picture's colours.")
    perturbations: dict[str, PerturbationMeasure]
    report_sha256: Sha256 | None = None


KIND = Kind(
    name="evaluate.checkpoint",
    params=EvaluateCheckpoint,
    result=EvaluatedCheckpoint,
    queue="evaluate",
    shape="run",
    run_limit_s=6 * 3600,
    no_progress_s=3600,
    summary="Measure a checkpoint: accuracy, calibration, stability.",
)
