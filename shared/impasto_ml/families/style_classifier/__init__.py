"""Tells by whose hand a picture is drawn, with a calibrated probability, and when it is none of the hands it knows."""

from .config import FLAVORS, Flavor, StyleClassifierConfig
from .model import StyleClassifier, StylePrediction
from .weights import CheckpointError, load_checkpoint, save_checkpoint

__all__ = [
    "FLAVORS",
    "CheckpointError",
    "Flavor",
    "StyleClassifier",
    "StyleClassifierConfig",
    "StylePrediction",
    "load_checkpoint",
    "save_checkpoint",
]
