"""The samples that a training reads: labelled, and with varied views of each picture where they are asked for."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any, Final

import numpy as np

from impasto_ml.data.pictures import open_picture
from impasto_ml.data.shards import Sample, read_shards
from impasto_ml.encoders.picture import PictureEncoder
from impasto_ml.training.augmentation import augmented_views
from impasto_worker.computing import device
from impasto_worker.runner_child import Report

_BATCH: Final = 8


def samples_of(payload: dict[str, Any], report: Report) -> Iterator[Sample]:
    """The samples of `classes`, features V x 1958: the picture's own first, then `views` varied ones."""
    views: int = payload["views"]
    labelled = _labelled(payload, pictures=views > 0)
    if not views:
        return labelled
    encoder = PictureEncoder.load(Path(payload["models"]), device())
    return _varied(labelled, encoder, views, payload["options"]["seed"], report)


def _labelled(payload: dict[str, Any], pictures: bool) -> Iterator[Sample]:
    """Each sample with its label where the library looks for the style."""
    classes = set(payload["classes"])
    for sample in read_shards(map(Path, payload["shards"]), pictures):
        if (label := sample.record[payload["label"]]) in classes:
            yield replace(sample, record={**sample.record, "style": label})


def _varied(
    samples: Iterable[Sample], encoder: PictureEncoder, views: int, seed: int, report: Report
) -> Iterator[Sample]:
    stream, done = iter(samples), 0
    while batch := list(islice(stream, _BATCH)):
        pictures = [
            view
            for sample in batch
            for view in augmented_views(open_picture(io.BytesIO(sample.picture)), views, seed, sample.key)
        ]
        vectors = encoder.encode(pictures, tags=1).vectors().reshape(len(batch), views, -1)
        for sample, varied in zip(batch, vectors, strict=True):
            assert sample.features is not None
            yield replace(sample, picture=b"", features=np.concatenate([sample.features[None], varied]))
        done += len(batch)
        report(None, f"varied views of {done} pictures")
