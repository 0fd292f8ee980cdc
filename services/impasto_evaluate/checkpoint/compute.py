"""Measures in a runner: a classifier on one split's shards, beside its yardsticks and under every perturbation."""

from __future__ import annotations

import math
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Final

from impasto.errors import JobFailed
from impasto_evaluate.checkpoint.encoding import Telling, encoder_of, featured
from impasto_evaluate.checkpoint.held_back import HeldBack, held_back, pictures_learnt
from impasto_ml.evaluation import Measured
from impasto_ml.evaluation.style_classifier import StyleEvaluation
from impasto_ml.evaluation.style_classifier import evaluate as measure
from impasto_ml.families.style_classifier import CheckpointError, StyleClassifier, load_checkpoint
from impasto_worker.computing import device
from impasto_worker.runner_child import Report

_LEAST_SAMPLES: Final = 2


def evaluate(payload: dict[str, Any], report: Report) -> dict[str, Any]:
    """`result` holds the fields of the job's result, `details` everything that was measured.

    Raises:
        JobFailed: the checkpoint's file does not match its description, too few samples are left to measure on, or
            the classifier reads a backbone that this worker does not have.
    """
    report(0.02, "loading the checkpoint")
    classifier = _classifier(Path(payload["checkpoint"]))
    known, excluded = set(classifier.config.styles), set(payload["excluded"])
    learnt = pictures_learnt(Path(payload["learnt_from"]) if payload["learnt_from"] else None)
    counted = _counted(payload, known, learnt)
    encoder = encoder_of(payload, classifier)
    report(0.1, "measuring")
    found = measure(
        classifier,
        featured(payload, known, learnt, classifier, encoder, pictures=True),
        Telling(encoder, report, counted.usable, payload["max_perturbed_samples"], payload["perturbation_seeds"]),
        featured(payload, excluded, learnt, classifier, encoder, pictures=False),
        payload["perturbation_seeds"],
        payload["max_perturbed_samples"],
        payload["seed"],
    )
    report(0.99, "writing the report")
    details = _finite(found.record()) | {"left_out_because_learnt_from": counted.learnt_from}
    return {"result": _result(found), "details": details}


def _counted(payload: dict[str, Any], known: set[str], learnt: frozenset[str]) -> HeldBack:
    counted = held_back(Path(payload["index"]), payload["split"], payload["label"], known, learnt)
    if counted.usable < _LEAST_SAMPLES:
        raise JobFailed(
            "dataset_too_small",
            f"the {payload['split']} half has {counted.usable} samples whose {payload['label']} this checkpoint knows "
            f"and that it did not learn from ({counted.learnt_from} that it did)",
            hint="prepare a version with a larger validation_fraction, or evaluate on another version",
            limit=_LEAST_SAMPLES,
            actual=counted.usable,
        )
    return counted


def _classifier(folder: Path) -> StyleClassifier:
    try:
        return load_checkpoint(folder, device())
    except CheckpointError as error:
        raise JobFailed("model_corrupt", "the checkpoint's file does not match its description") from error


def _result(found: StyleEvaluation) -> dict[str, Any]:
    unknown = found.unknown.auroc if found.unknown else None
    return {
        "samples": found.pictures,
        "classes": list(found.styles),
        "accuracy": _measure(found.accuracy),
        "macro_f1": _measure(found.macro_f1),
        "ece": _measure(found.calibration_error),
        "unknown_auroc": None if unknown is None or not math.isfinite(unknown.value) else _measure(unknown),
        "confusion": [list(row) for row in found.confusion],
        "majority_baseline": _measure(found.majority),
        "colour_baseline": _measure(found.colour_only),
        "perturbations": {
            row.name: {"accuracy": _measure(row.accuracy), "by_seed": list(row.by_seed), "spread": row.spread}
            for row in found.perturbations
        },
    }


def _measure(measured: Measured) -> dict[str, Any]:
    """JSON has no NaN: where resamples of a tiny set have no interval, it is the widest there is."""
    low = measured.low if math.isfinite(measured.low) else 0.0
    high = measured.high if math.isfinite(measured.high) else 1.0
    return asdict(replace(measured, low=low, high=high))


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
