"""Takes a training of a model that draws from params to a checkpoint; the learning is done in a runner of its own."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any, Final

from impasto.errors import InvalidInput, JobFailed
from impasto.identifiers import new_id
from impasto.kinds.train_text_to_image import SampleSheet, TrainedTextToImage, TrainTextToImage
from impasto.lineage import Edge
from impasto.outcomes import CheckpointRecord, Outcome
from impasto_train.figures import TRAININGS
from impasto_train.text_to_image.notes import Notes
from impasto_worker.dataset_files import DatasetFiles, open_version
from impasto_worker.drawing_checkpoints import FLOWMINI, TEXT_ENCODER, DrawingCheckpoint, drawing_checkpoint
from impasto_worker.handling import JobContext
from impasto_worker.pretrained import weights

_COMPUTE: Final = "impasto_train.text_to_image.compute:train"
_MOST_STYLES: Final = 64
_SAMPLE_PROMPTS: Final = 6
_RATE_FROM_BASE: Final = 4e-4
_RATE_FROM_NOTHING: Final = 1e-3
# New styles all begin as the mean of the old ones.
_STYLE_RATE: Final = 20.0


def train(context: JobContext, params: TrainTextToImage) -> Outcome:
    """Runs in the worker's slot.

    Raises:
        NotFound: the dataset version or the base.
        Conflict: the base is of a family that is not trained here.
        InvalidInput: the works name more styles than a checkpoint can hold.
        JobFailed: there is nothing to learn from, the loss became infinite, or weights are missing.
    """
    text = weights(context.tools.models, TEXT_ENCODER)
    dataset = open_version(context, params.dataset_version)
    base = drawing_checkpoint(context, params.base, FLOWMINI) if params.base else None
    payload = {
        "models": str(context.tools.models),
        "shards": dataset.shards(context, "train"),
        "base": str(base.folder) if base else None,
        "flavor": params.flavor,
        "label": None if params.style == "none" else params.style,
        "styles": _styles(dataset, base, params),
        "options": _options(params),
        "facts": _facts(params),
        "sample_prompts": params.sample_prompts or _captions(context, dataset),
        "sample_every": params.sample_every,
        "checkpoint_every": params.checkpoint_every,
        "folder": str(_made(context.folder / "checkpoint")),
        "scratch": str(_made(context.folder / "scratch")),
        "notes": str(_made(context.folder / "notes")),
    }
    notes = Notes(context)
    resumed = notes.resumed()
    payload["state"] = str(resumed[0]) if resumed else None
    with TRAININGS.watched(context.job.kind, keeps_every=params.checkpoint_every) as underway:
        progress, note = underway.passing_on(context), underway.keeping(notes.keep)
        learnt = context.compute(_COMPUTE, payload, on_progress=progress, on_note=note, leaves=True)
    sources = [dataset.version, text.node, *([base.node] if base else [])]
    # The states stay until the end is written, and are swept then: if this is lost before, another goes on from them.
    return _outcome(context, params, learnt, sources, resumed[1] if resumed else None)


def _styles(dataset: DatasetFiles, base: DrawingCheckpoint | None, params: TrainTextToImage) -> list[str]:
    if params.style == "none":
        return []
    styles = sorted(dataset.labels("train", params.style))
    known: list[str] = base.config["config"]["styles"] if base else []
    new, room = set(styles) - set(known), _MOST_STYLES - len(known)
    if len(new) > room:
        raise InvalidInput(
            "value_invalid",
            f"the works name {len(new)} new {params.style}s, and the checkpoint has room for {room} more styles",
            field="params.style",
            limit=room,
            actual=len(new),
            hint="train with style none, or on works of fewer",
        )
    return styles


def _options(params: TrainTextToImage) -> dict[str, Any]:
    rate = params.learning_rate or (_RATE_FROM_BASE if params.base else _RATE_FROM_NOTHING)
    return {
        "steps": params.steps,
        "batch": params.batch_size,
        "learning_rate": rate,
        "warm_up": min(100, params.steps // 10),
        "caption_dropout": params.caption_dropout,
        "style_dropout": params.style_dropout,
        "style_rate": _STYLE_RATE if params.base else 1.0,
        "seed": params.seed,
    }


def _facts(params: TrainTextToImage) -> dict[str, Any]:
    """What is kept beside the weights."""
    return {"base": params.base, "dataset_version": params.dataset_version, "label": params.style} | _options(params)


def _captions(context: JobContext, dataset: DatasetFiles) -> list[str]:
    """Captions of the first works of different subjects: something to watch them being learnt."""

    def captions() -> Iterator[str]:
        seen = set()
        with dataset.index(context).open(encoding="utf-8") as lines:
            for line in map(json.loads, lines):
                if line["split"] == "train" and line["subject"] not in seen:
                    seen.add(line["subject"])
                    yield line["subject"] or "a picture"

    found = list(islice(captions(), _SAMPLE_PROMPTS))
    if not found:
        raise JobFailed("dataset_too_small", "the train half of this dataset version is empty", limit=1, actual=0)
    return found


def _outcome(
    context: JobContext, params: TrainTextToImage, learnt: dict[str, Any], sources: list[str], resumed: int | None
) -> Outcome:
    folder = Path(learnt.pop("folder"))
    stored = context.put(folder / "model.safetensors")
    context.put(folder / "config.json")
    checkpoint = new_id("ckp")
    config = json.loads((folder / "config.json").read_text("utf-8"))
    record = CheckpointRecord(
        id=checkpoint,
        name=params.name,
        family=FLOWMINI,
        flavor=config["config"]["flavor"],
        weights_sha256=stored.sha256,
        config=config,
        dataset_version_id=params.dataset_version,
    )
    sheets = [SampleSheet(step=step, artifact=sheet) for step, sheet in context.tools.trainings.samples(context.job)]
    result = TrainedTextToImage(
        checkpoint=checkpoint,
        weights_sha256=stored.sha256,
        samples=sheets,
        resumed_from_step=resumed,
        **learnt,
    )
    edges = tuple(Edge(source=source, target=checkpoint, relation="trained_into") for source in sources)
    return Outcome(result, records=(record,), edges=edges)


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder
