"""The samples that a training reads: labelled, with the features it learns from, and with varied views if asked for."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, Final

import numpy as np
from PIL import Image

from impasto_ml.data.pictures import open_picture
from impasto_ml.data.shards import Sample, read_shards
from impasto_ml.encoders.backbone_identity import BackboneIdentity
from impasto_ml.encoders.backbone_samples import encoded_again
from impasto_ml.encoders.picture import PictureEncoder
from impasto_ml.training.augmentation import augmented_views
from impasto_worker.backbone_computing import load_backbone
from impasto_worker.computing import device
from impasto_worker.runner_child import Report

_BATCH: Final = 8


def samples_of(payload: dict[str, Any], report: Report) -> tuple[Iterator[Sample], BackboneIdentity | None]:
    """The samples of `classes`, their features in 1 + `views` rows: the picture's own first, then varied ones.

    Features are the shards' own 1958, or those of the payload's backbone; whose, is the second that is given.
    """
    views: int = payload["views"]
    if name := payload["backbone"]:
        backbone = load_backbone(Path(payload["backbones"]), name)
        vary = partial(_vary, views, payload["options"]["seed"]) if views else None
        encoded = encoded_again(_labelled(payload, pictures=True), backbone, vary)
        return _told(encoded, report), backbone.identity
    labelled = _labelled(payload, pictures=views > 0)
    if not views:
        return labelled, None
    encoder = PictureEncoder.load(Path(payload["models"]), device())
    return _varied(labelled, encoder, views, payload["options"]["seed"], report), None


def _labelled(payload: dict[str, Any], pictures: bool) -> Iterator[Sample]:
    """Each sample with its label where the library looks for the style."""
    classes = set(payload["classes"])
    for sample in read_shards(map(Path, payload["shards"]), pictures):
        if (label := sample.record[payload["label"]]) in classes:
            yield replace(sample, record={**sample.record, "style": label})


def _vary(views: int, seed: int, picture: Image.Image, key: str) -> list[Image.Image]:
    return augmented_views(picture, views, seed, key)


def _told(samples: Iterable[Sample], report: Report) -> Iterator[Sample]:
    for done, sample in enumerate(samples, 1):
        if done % _BATCH == 0:
            report(None, f"features of {done} pictures")
        yield replace(sample, picture=b"")


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
