"""Measures of models with intervals and counts, baselines to hold them against, and declared perturbations."""

from .measures import Measured, accuracy, auroc, bootstrap, confusion, expected_calibration_error, macro_f1
from .perturbations import PERTURBATIONS, Perturbation

__all__ = [
    "PERTURBATIONS",
    "Measured",
    "Perturbation",
    "accuracy",
    "auroc",
    "bootstrap",
    "confusion",
    "expected_calibration_error",
    "macro_f1",
]
