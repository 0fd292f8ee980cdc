"""The pictures and features that an evaluation reads, from the encoder that the classifier learnt on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from PIL import Image

from impasto_ml.data.shards import Sample, read_shards
from impasto_ml.encoders.backbone_samples import encoded_again
from impasto_ml.encoders.picture import PictureEncoder
from impasto_ml.encoders.vectors import VectorEncoder, Vectors
from impasto_ml.evaluation import PERTURBATIONS
from impasto_ml.families.style_classifier import StyleClassifier
from impasto_worker.backbone_computing import same_backbone
from impasto_worker.computing import device
from impasto_worker.runner_child import Report


def encoder_of(payload: dict[str, Any], classifier: StyleClassifier) -> VectorEncoder:
    """The one that shards were prepared with, or the classifier's own backbone.

    Raises:
        JobFailed: this worker does not have that backbone, or refuses it.
    """
    if classifier.config.backbone is None:
        return PictureEncoder.load(Path(payload["models"]), device())
    return same_backbone(Path(payload["backbones"]), classifier.config.backbone)


def featured(
    payload: dict[str, Any],
    labels: set[str],
    learnt: frozenset[str],
    classifier: StyleClassifier,
    encoder: VectorEncoder,
    pictures: bool,
) -> Iterator[Sample]:
    """The split's samples with one of `labels` that were not learnt from, with the features that the classifier reads.

    Shards carry only those of the first encoder.
    """
    if classifier.config.backbone is None:
        return _labelled(payload, labels, learnt, pictures)
    again = encoded_again(_labelled(payload, labels, learnt, pictures=True), encoder)
    return again if pictures else (replace(sample, picture=b"") for sample in again)


class Telling:
    """An encoder that tells how far the perturbations are: encoding perturbed pictures is nearly all of the time."""

    def __init__(self, encoder: VectorEncoder, report: Report, samples: int, most: int, seeds: int) -> None:
        """Of how much: each perturbation once, or once a seed, and the pictures unchanged."""
        passes = 1 + sum(seeds if perturbation.seeded else 1 for perturbation in PERTURBATIONS)
        self._encoder, self._report = encoder, report
        self._total, self._done = max(1, passes * min(samples, most)), 0

    def encode(self, pictures: Sequence[Image.Image], tags: int = 5, batch_size: int = 16) -> Vectors:
        features = self._encoder.encode(pictures, tags, batch_size)
        self._done += len(features)
        self._report(0.1 + 0.88 * self._done / self._total, "perturbing pictures", step=self._done, steps=self._total)
        return features


def _labelled(payload: dict[str, Any], labels: set[str], learnt: frozenset[str], pictures: bool) -> Iterator[Sample]:
    """The split's samples with one of these labels, each with it where the library looks for the style."""
    if not labels:
        return
    for sample in read_shards(map(Path, payload["shards"]), pictures):
        label = sample.record[payload["label"]]
        if label in labels and sample.record["sha256"] not in learnt:
            yield replace(sample, record={**sample.record, "style": label})
