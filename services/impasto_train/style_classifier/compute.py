"""Learns in a runner: features from shards to a file, a head from the file, a checkpoint folder from the head."""

from __future__ import annotations

import math
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from impasto.errors import JobFailed
from impasto_ml.encoders.layout import STYLE_LAYOUT, backbone_layout
from impasto_ml.families.style_classifier import StyleClassifier, save_checkpoint
from impasto_ml.training.feature_table import collect
from impasto_ml.training.style_classifier import TrainingOptions
from impasto_ml.training.style_classifier import train as learn
from impasto_train.style_classifier.samples import samples_of
from impasto_worker.computing import device
from impasto_worker.runner_child import Report

_MOST_POINTS: Final = 500


def train(payload: dict[str, Any], report: Report) -> dict[str, Any]:
    """Writes the checkpoint to `folder`; gives what the job's result says of it.

    Raises:
        JobFailed: the loss became infinite or not a number (`training_diverged`), or the backbone is refused.
    """
    report(0.0, "reading the features")
    samples, backbone = samples_of(payload, report)
    layout = backbone_layout(backbone.width) if backbone else STYLE_LAYOUT
    table = collect(samples, Path(payload["scratch"]), layout)
    chosen = payload["options"]
    options = TrainingOptions(
        flavor=chosen["flavor"],
        seed=chosen["seed"],
        epochs=chosen["epochs"],
        batch=chosen["batch_size"],
        learning_rate=chosen["learning_rate"],
    )
    points: list[tuple[int, float]] = []
    model: StyleClassifier | None = None
    calibration = 0
    for told in learn(table, options, device(), backbone):
        if not math.isfinite(told.loss):
            raise JobFailed(
                "training_diverged", f"the loss was {told.loss} at step {told.step}", hint="lower the learning rate"
            )
        model, calibration = told.classifier, told.calibration_pictures
        if not points or told.step > points[-1][0]:
            points.append((told.step, round(told.loss, 6)))
        report(
            0.02 + 0.95 * told.step / told.steps, "learning", step=told.step, steps=told.steps,
            series={"loss": round(told.loss, 6)},
        )  # fmt: skip
    assert model is not None
    facts = payload["facts"] | {"train_samples": len(table), "calibration_pictures": calibration}
    save_checkpoint(Path(payload["folder"]), model, facts | {"steps": points[-1][0], "final_loss": points[-1][1]})
    return {
        "folder": payload["folder"],
        "classes": list(model.config.styles),
        "train_samples": len(table),
        "steps": points[-1][0],
        "temperature": round(model.temperature.item(), 6),
        "final_loss": points[-1][1],
        "loss": thinned(points),
        "backbone": asdict(backbone) if backbone else None,
    }


def thinned(points: list[tuple[int, float]]) -> list[tuple[int, float]]:
    """At most 500 points, evenly spread; the last one stays."""
    stride = math.ceil(len(points) / _MOST_POINTS)
    return points[::-1][::stride][::-1]
