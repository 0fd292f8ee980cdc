"""Prepares one chunk in a runner: a shard, a line of the index a sample, and a vector a sample."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO, Final

import numpy as np

from impasto.errors import JobFailed
from impasto_ml.data.prepare import PictureRecipe, PreparedPicture, prepare_picture
from impasto_ml.data.shards import Sample, write_shards
from impasto_ml.encoders.caption_tags import CaptionTagger
from impasto_ml.encoders.picture import PictureEncoder, PictureFeatures
from impasto_ml.encoders.text import TextEncoder
from impasto_preprocess.prepare.records import Captions, as_jpeg, record_of
from impasto_worker import likeness
from impasto_worker.computing import device, read_picture
from impasto_worker.runner_child import Report

_BATCH: Final = 16


@cache
def _picture_encoder(models: str, on: str) -> PictureEncoder:
    return PictureEncoder.load(Path(models), on)


@cache
def _captions(models: str, on: str) -> Captions:
    encoder = TextEncoder.load(Path(models), on)
    return Captions(encoder, CaptionTagger(encoder))


@dataclass
class _Made:
    """What the chunk comes to, as it is told to the worker."""

    artworks: list[str] = field(default_factory=list)
    refused: list[dict[str, str]] = field(default_factory=list)
    changed: int = 0
    cut: int = 0
    tags: Counter[str] = field(default_factory=Counter)
    licences: Counter[str] = field(default_factory=Counter)
    labels: dict[str, Counter[str]] = field(default_factory=lambda: {"artist": Counter(), "medium": Counter()})
    pixels: int = 0
    sums: list[int] = field(default_factory=lambda: [0, 0, 0])
    squares: list[int] = field(default_factory=lambda: [0, 0, 0])

    def add(self, artwork: dict[str, Any], record: dict[str, Any], picture: PreparedPicture) -> None:
        self.artworks.append(artwork["id"])
        self.changed += bool(record["caption_changes"])
        self.cut += bool(record["caption_overflow"])
        self.tags.update({*record["tags"], *record["picture_tags"]})
        self.licences[artwork["licence"]] += 1
        for label, counts in self.labels.items():
            counts[artwork[label]] += 1
        # Whole numbers: a sum that does not depend on the order of adding.
        values = np.asarray(picture.image, dtype=np.int64).reshape(-1, 3)
        self.pixels += len(values)
        self.sums = [a + int(b) for a, b in zip(self.sums, values.sum(0), strict=True)]
        self.squares = [a + int(b) for a, b in zip(self.squares, (values**2).sum(0), strict=True)]


def prepare(payload: dict[str, Any], report: Report) -> dict[str, Any]:
    """Works on `artworks.json` in `folder` and writes `shard-000000.tar`, `index.jsonl` and `vectors.f16` there."""
    folder = Path(payload["folder"])
    artworks = json.loads((folder / "artworks.json").read_text("utf-8"))
    made = _Made()
    with (folder / "vectors.f16").open("wb") as vectors:
        shards = list(write_shards(_samples(payload, artworks, made, vectors), folder, max(1, len(artworks))))
    by_id = {artwork["id"]: artwork for artwork in artworks}
    with (folder / "index.jsonl").open("w", encoding="utf-8") as index:
        for identifier in made.artworks:
            told = {k: by_id[identifier][k] for k in ("id", "sha256", "subject", "artist", "medium", "licence")}
            line = told | {"shard": shards[0].sha256, "split": payload["split"]}
            index.write(json.dumps(line, sort_keys=True, ensure_ascii=False) + "\n")
    return vars(made) | {
        "folder": str(folder),
        "split": payload["split"],
        "shard": str(shards[0].path) if shards else None,
    }


def _samples(
    payload: dict[str, Any], artworks: list[dict[str, Any]], made: _Made, vectors: BinaryIO
) -> Iterator[Sample]:
    """The chunk's samples in order; holds one batch of prepared pictures, never a source picture beside another."""
    settings = payload["picture"]
    recipe = PictureRecipe(
        size_px=settings["size_px"],
        fit=settings["fit"],
        rotate=settings["rotate_degrees"],
        normalise=settings["normalise"],
        background=settings["background"],
    )
    encoder = _picture_encoder(payload["models"], device())
    captions = _captions(payload["models"], device())
    readable = _readable(artworks, recipe, made)
    while batch := list(islice(readable, _BATCH)):
        features = encoder.encode([picture.image for _, picture, _ in batch])
        vectors.write(likeness.unit_rows(_whole(encoder, features, [whole for _, _, whole in batch])).tobytes())
        read = captions.read([artwork["caption"] for artwork, _, _ in batch], payload["caption"])
        rows = features.vectors()
        for row, (artwork, picture, _) in enumerate(batch):
            tags = features.tags[row] if payload["caption"]["tags"] else ()
            record = record_of(artwork, read[row], picture, tags)
            made.add(artwork, record, picture)
            yield Sample(artwork["id"], as_jpeg(picture.image), "jpg", record, rows[row])


def _readable(
    artworks: list[dict[str, Any]], recipe: PictureRecipe, made: _Made
) -> Iterator[tuple[dict[str, Any], PreparedPicture, PreparedPicture | None]]:
    for artwork in artworks:
        try:
            source = read_picture(Path(artwork["path"]), max(recipe.size_px, likeness.RECIPE.size_px))
        except JobFailed as error:
            made.refused.append({"artwork": artwork["id"], "code": error.code, "message": error.message})
            continue
        whole = None if recipe == likeness.RECIPE else prepare_picture(source, likeness.RECIPE)
        yield artwork, prepare_picture(source, recipe), whole


def _whole(
    encoder: PictureEncoder, features: PictureFeatures, wholes: list[PreparedPicture | None]
) -> np.ndarray[Any, np.dtype[np.float32]]:
    """Pooled features of the whole pictures: those of the samples themselves where the recipe is the same."""
    pictures = [whole.image for whole in wholes if whole is not None]
    return encoder.encode(pictures).pooled if pictures else features.pooled
