"""Takes a training from its params to a checkpoint; learning is done in a runner of its own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

from impasto.errors import InvalidInput, JobFailed
from impasto.identifiers import new_id
from impasto.kinds.train_style_classifier import TrainedStyleClassifier, TrainStyleClassifier
from impasto.lineage import Edge
from impasto.outcomes import CheckpointRecord, Outcome
from impasto_train.figures import TRAININGS
from impasto_worker import likeness
from impasto_worker.backbone_files import backbone_node, require_backbone
from impasto_worker.checkpoint_files import STYLE_CLASSIFIER
from impasto_worker.dataset_files import DatasetFiles, open_version
from impasto_worker.handling import JobContext
from impasto_worker.pretrained import weights

_COMPUTE: Final = "impasto_train.style_classifier.compute:train"
LEAST_LABELS: Final = 2
LEAST_SAMPLES: Final = 8


def train(context: JobContext, params: TrainStyleClassifier) -> Outcome:
    """Runs in the worker's slot.

    Raises:
        NotFound: the dataset version.
        InvalidInput: a label to leave out that the dataset does not have.
        JobFailed: fewer than two labels with eight samples each, the loss became infinite, weights are missing, or the
            backbone is refused.
    """
    dataset = open_version(context, params.dataset_version)
    classes = _classes(dataset, params)
    if params.backbone:
        require_backbone(context.tools.backbones, params.backbone)
    elif params.views:
        weights(context.tools.models, likeness.PACKAGE)  # or the job ends here: pictures are encoded anew
    context.tell(0.0, "fetching the shards")
    payload = {
        "models": str(context.tools.models),
        "backbones": str(context.tools.backbones),
        "backbone": params.backbone,
        "views": params.views,
        "shards": dataset.shards(context, "train"),
        "label": params.label,
        "classes": classes,
        "options": params.model_dump(include={"flavor", "epochs", "learning_rate", "batch_size", "seed"}),
        "facts": _facts(dataset, params, classes),
        "folder": str(context.folder / "checkpoint"),
        "scratch": str(context.folder / "scratch"),
    }
    with TRAININGS.watched(context.job.kind) as underway:
        learnt = context.compute(_COMPUTE, payload, on_progress=underway.passing_on(context))
    return _outcome(context, params, dataset, learnt)


def _classes(dataset: DatasetFiles, params: TrainStyleClassifier) -> list[str]:
    """The labels to learn: enough samples each, and not left out."""
    counts = dataset.labels("train", params.label)
    everywhere = counts + dataset.labels("validation", params.label)
    if unknown := sorted(set(params.exclude_labels) - set(everywhere)):
        raise InvalidInput(
            "value_invalid",
            f"no work of this dataset version has the {params.label} {unknown[0]!r}",
            field="params.exclude_labels",
            limit=sorted(everywhere)[:100],
        )
    classes = sorted(
        name for name, count in counts.items() if count >= LEAST_SAMPLES and name not in params.exclude_labels
    )
    if len(classes) < LEAST_LABELS:
        raise JobFailed(
            "dataset_too_small",
            f"a style classifier needs {LEAST_LABELS} labels with {LEAST_SAMPLES} training samples each; "
            f"this dataset version has {len(classes)} by {params.label}",
            hint="add works, or choose another label",
            limit=LEAST_SAMPLES,
            actual=dict(counts.most_common(20)),
        )
    return classes


def _facts(dataset: DatasetFiles, params: TrainStyleClassifier, classes: list[str]) -> dict[str, Any]:
    """What is kept beside the weights: enough to measure them and to use them on other pictures."""
    left_out = set(params.exclude_labels)
    rare = sorted(set(dataset.labels("train", params.label)) - set(classes) - left_out)
    return {
        "label": params.label,
        "excluded_labels": sorted(left_out),
        "rare_labels": rare[:100],
        "dataset_version": dataset.version,
        "picture_recipe": dataset.manifest["recipe"]["picture"],
        "epochs": params.epochs,
        "learning_rate": params.learning_rate,
        "batch_size": params.batch_size,
        "views": params.views,
        "seed": params.seed,
    }


def _outcome(
    context: JobContext, params: TrainStyleClassifier, dataset: DatasetFiles, learnt: dict[str, Any]
) -> Outcome:
    folder, backbone = Path(learnt.pop("folder")), learnt.pop("backbone")
    stored = context.put(folder / "model.safetensors")
    context.put(folder / "config.json")
    checkpoint = new_id("ckp")
    record = CheckpointRecord(
        id=checkpoint,
        name=params.name,
        family=STYLE_CLASSIFIER,
        flavor=params.flavor,
        weights_sha256=stored.sha256,
        config=json.loads((folder / "config.json").read_text("utf-8")),
        dataset_version_id=dataset.version,
    )
    # Of the dataset's encoders the first is the pictures': captions take no part in this.
    encoder = backbone_node(backbone) if backbone else dataset.manifest["encoders"][0]
    sources = [dataset.version, encoder]
    return Outcome(
        TrainedStyleClassifier(checkpoint=checkpoint, weights_sha256=stored.sha256, **learnt),
        records=(record,),
        edges=tuple(Edge(source=source, target=checkpoint, relation="trained_into") for source in sources),
    )
