"""Looks at a picture in a runner: its parts, its vector, its hand, and the rows nearest to it."""

from __future__ import annotations

import math
import time
from functools import cache
from pathlib import Path
from typing import Any, Final

import numpy as np
from PIL import Image

from impasto.errors import JobFailed
from impasto_analyse.artwork.search import nearest
from impasto_ml.analysis.artwork import analyse as look
from impasto_ml.analysis.safety import SafetyClassifier
from impasto_ml.data.prepare import PictureRecipe, prepare_picture
from impasto_ml.encoders.picture import PictureEncoder
from impasto_ml.families.style_classifier import CheckpointError, StyleClassifier, load_checkpoint
from impasto_worker import likeness
from impasto_worker.backbone_computing import same_backbone
from impasto_worker.computing import device, read_picture, threads
from impasto_worker.runner_child import Report

_LEAST_PROBABILITY: Final = 0.05
_BATCH: Final = 16


@cache
def _encoder(models: str) -> PictureEncoder:
    return PictureEncoder.load(Path(models), device())


@cache
def _safety(folder: str) -> SafetyClassifier:
    return SafetyClassifier.load(Path(folder), threads())


@cache
def _classifier(folder: str) -> StyleClassifier:
    # The folder is named by the checkpoint's id, and a checkpoint never changes.
    try:
        return load_checkpoint(Path(folder), device())
    except CheckpointError as error:
        raise JobFailed("model_corrupt", "the checkpoint's file does not match its description") from error


def analyse(payload: dict[str, Any], report: Report) -> dict[str, Any]:
    """Writes the picture's vector to `vector`; gives `analysis`, `tags`, `style` (or None), `neighbours`, `seconds`.

    Raises:
        JobFailed: the picture cannot be read, the checkpoint is damaged, or its backbone is not on this worker.
    """
    started = time.monotonic()
    report(0.02, "reading the picture")
    picture = read_picture(Path(payload["picture"]))
    report(0.1, "palette, composition, quality")
    analysis = look(picture, _safety(payload["safety"]))
    report(0.5, "features")
    style = payload["style"]
    # Last comes the picture as the classifier learnt to see it, where the first encoder sees it for the classifier.
    classifier = _classifier(style["checkpoint"]) if style else None
    backbone = classifier.config.backbone if classifier else None
    recipe = PictureRecipe(**style["recipe"]) if style else likeness.RECIPE
    features = _encoder(payload["models"]).encode(_views(picture, likeness.RECIPE if backbone else recipe))
    vectors = features.vectors()[-1:]
    if backbone:
        seen = prepare_picture(picture, recipe).image
        vectors = same_backbone(Path(payload["backbones"]), backbone).encode([seen]).vectors()
    vector = likeness.unit_rows(features.pooled[:1])[0]
    Path(payload["vector"]).write_bytes(vector.tobytes())
    report(0.65, "nearest works")
    index = payload["index"]
    near = nearest(
        vector, Path(index["vectors"]), Path(index["ids"]), index["rows"], payload["neighbours"], payload["artwork"]
    )
    return {
        "analysis": analysis.to_json(),
        "tags": {t.name: round(t.probability, 4) for t in features.tags[0] if t.probability >= _LEAST_PROBABILITY},
        "style": _verdict(classifier, vectors) if classifier else None,
        "neighbours": [{"artwork": artwork, "similarity": round(value, 6)} for artwork, value in near],
        "seconds": time.monotonic() - started,
    }


def encode(payload: dict[str, Any], report: Report) -> dict[str, Any]:
    """Writes one vector for each of `pictures`, in their order, to `out` (float16 rows of length 1).

    A picture that is missing or cannot be read gets a row of zeros, which is like nothing; it is asked for once.
    """
    paths = payload["pictures"]
    rows = np.zeros((len(paths), likeness.VECTOR_BYTES // 2), dtype="<f2")
    for start in range(0, len(paths), _BATCH):
        views = {n: view for n in range(start, min(start + _BATCH, len(paths))) if (view := _view(paths[n]))}
        if views:
            rows[list(views)] = likeness.unit_rows(_encoder(payload["models"]).encode(list(views.values())).pooled)
        report(min(1.0, (start + _BATCH) / len(paths)), "vectors")
    Path(payload["out"]).write_bytes(rows.tobytes())
    return {}


def _view(path: str | None) -> Image.Image | None:
    try:
        return prepare_picture(read_picture(Path(path)), likeness.RECIPE).image if path else None
    except JobFailed:
        return None


def _views(picture: Image.Image, recipe: PictureRecipe) -> list[Image.Image]:
    """The picture as works are compared and, last, as the classifier learnt to see; one where both are the same."""
    recipes = [likeness.RECIPE] if recipe == likeness.RECIPE else [likeness.RECIPE, recipe]
    return [prepare_picture(picture, each).image for each in recipes]


def _verdict(classifier: StyleClassifier, vectors: np.ndarray[Any, Any]) -> dict[str, Any]:
    said = classifier.classify(vectors)
    chances = {name: round(float(p), 6) for name, p in zip(said.styles, said.probabilities[0], strict=True)}
    return {
        "label": said.styles[int(said.best[0])],
        "unknown": not bool(said.known[0]),
        "unknown_score": _unknown_score(float(said.familiarity[0]), classifier.threshold.item()),
        "confidence": chances,
    }


def _unknown_score(familiarity: float, threshold: float) -> float:
    """0..1, above one half where the picture is less familiar than the threshold; 0 without a threshold."""
    if not math.isfinite(threshold):
        return 0.0
    return round(1 / (1 + math.exp(min(60.0, max(-60.0, familiarity - threshold)))), 6)
