"""Measures in a runner: draws captions of held-out works and scenes, and holds them against the works."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from impasto.errors import JobFailed
from impasto_evaluate.checkpoint.held_back import pictures_learnt
from impasto_ml.data.shards import Sample, read_shards
from impasto_ml.encoders.picture import PictureEncoder
from impasto_ml.evaluation.text_to_image import Hand, StyleJudge, Works
from impasto_ml.evaluation.text_to_image import evaluate as measure
from impasto_ml.evaluation.text_to_image_drawing import TOGETHER, Asked
from impasto_ml.evaluation.text_to_image_prompts import ask_captions, ask_scenes
from impasto_ml.families.style_classifier import CheckpointError, load_checkpoint
from impasto_ml.families.text_to_image import DrawingRequest
from impasto_worker.backbone_computing import same_backbone
from impasto_worker.computing import device
from impasto_worker.engine_child import budget_bytes, load
from impasto_worker.engine_orders import EngineCheckpoint
from impasto_worker.runner_child import Report


def evaluate(payload: dict[str, Any], report: Report) -> dict[str, Any]:
    """`result` holds the fields of the job's result; `sheet` and `copies` (or None) are pictures.

    Raises:
        JobFailed: a checkpoint's file does not match its description, or a backbone is missing.
    """
    report(0.02, "loading the checkpoint")
    options = payload["options"]
    hand = _hand(payload)
    styles = tuple(payload["styles"])
    works = _works(payload)
    scenes = ask_scenes(styles, options["seeds"], options["max_prompts"], options["seed"])
    captions: list[Asked] = []
    if works:
        held_out = list(_said(works))
        named = {style for _, style in held_out}
        # A style that no held-out work has cannot be compared with works.
        shared = tuple(style for style in styles if style in named)
        texts = [text for text, _ in held_out]
        captions = ask_captions(texts, shared or styles, options["seeds"], options["max_prompts"], options["seed"])
    encoder = PictureEncoder.load(Path(payload["models"]), device())
    found = measure(
        hand,
        captions,
        scenes,
        encoder,
        payload["encoder"],
        _judge(payload),
        works,
        lambda done, what: report(done, what),
    )
    out = Path(payload["out"])
    sheet, copies = out / "sheet.png", out / "copies.png"
    found.sheet.save(sheet)
    if found.copies:
        found.copies.save(copies)
    return {
        "result": found.measured.record(),
        "sheet": str(sheet),
        "copies": str(copies) if found.copies else None,
    }


def _hand(payload: dict[str, Any]) -> Hand:
    """The loaded checkpoint; so many pictures are drawn together as there is memory for."""
    drawer = load(EngineCheckpoint(payload["family"], Path(payload["checkpoint"]), payload["checkpoint"]))
    # In the checkpoint's own size, as everything here is drawn.
    room = (budget_bytes() - drawer.memory_bytes) // max(1, drawer.drawing_bytes(DrawingRequest("", 0)))
    options = payload["options"]
    together = max(1, min(TOGETHER, room))
    adapters = ((Path(payload["adapter"]), 1.0),) if payload["adapter"] else ()
    return Hand(drawer, options["steps"], options["guidance"], options["style_guidance"], together, adapters)


def _judge(payload: dict[str, Any]) -> StyleJudge | None:
    if payload["classifier"] is None:
        return None
    try:
        classifier = load_checkpoint(Path(payload["classifier"]), device())
    except CheckpointError as error:
        raise JobFailed("model_corrupt", "the classifier's file does not match its description") from error
    backbone = classifier.config.backbone
    return StyleJudge(classifier, same_backbone(Path(payload["backbones"]), backbone) if backbone else None)


def _works(payload: dict[str, Any]) -> Works | None:
    if payload["works"] is None:
        return None
    shards, label = payload["works"], payload["label"]
    learnt = frozenset().union(*(pictures_learnt(Path(index)) for index in shards["learnt_from"]))

    def held_out() -> Iterator[Sample]:
        for sample in _labelled(shards["held_out"], label):
            # Held back in this version is not held back in the one that was learnt from.
            if sample.record["sha256"] not in learnt:
                yield sample

    return Works(held_out, lambda: _once(_labelled(shards["learnt"], label)))


def _once(samples: Iterator[Sample]) -> Iterator[Sample]:
    """Several versions may hold the same picture."""
    seen: set[str] = set()
    for sample in samples:
        if (digest := sample.record["sha256"]) not in seen:
            seen.add(digest)
            yield sample


def _labelled(shards: list[str], label: str) -> Iterator[Sample]:
    """Each with its label where the library looks for the style."""
    for sample in read_shards(map(Path, shards)):
        yield replace(sample, record={**sample.record, "style": sample.record[label]})


def _said(works: Works) -> Iterator[tuple[str, str | None]]:
    for sample in works.held_out():
        yield sample.record["caption"] or sample.record["title"] or "", sample.record["style"]
