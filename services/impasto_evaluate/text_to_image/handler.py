"""Takes an evaluation of a model that draws from its params to measures, sheets and a report."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

from impasto.checkpoints import Checkpoint
from impasto.errors import Conflict
from impasto.identifiers import new_id
from impasto.kinds.evaluate_text_to_image import EvaluatedTextToImage, EvaluateTextToImage
from impasto.lineage import Edge
from impasto.outcomes import EvaluationRecord, Outcome
from impasto_evaluate.families import as_adapter, drawing_model, style_classifier
from impasto_evaluate.text_to_image.learnt import LearntFrom, learnt_from
from impasto_worker import likeness
from impasto_worker.backbone_files import backbone_of, require_backbone
from impasto_worker.checkpoint_files import checkpoint_folder
from impasto_worker.dataset_files import DatasetFiles, open_version
from impasto_worker.drawing_checkpoints import FLOWMINI, TEXT_ENCODER, DrawingCheckpoint
from impasto_worker.handling import JobContext
from impasto_worker.pipeline_files import pipeline_folder
from impasto_worker.pretrained import weights

_COMPUTE: Final = "impasto_evaluate.text_to_image.compute:evaluate"
_LABEL: Final = "artist"


def evaluate(context: JobContext, params: EvaluateTextToImage) -> Outcome:
    """Runs in the worker's slot.

    Raises:
        NotFound: a checkpoint, an adapter's base or the dataset version.
        Conflict: the checkpoint does not draw from words, or the classifier is none, or is not measured.
        JobFailed: weights are missing or damaged.
    """
    adapter = as_adapter(context, params.checkpoint)
    drawing = drawing_model(context, adapter.config["base"] if adapter else params.checkpoint)
    classifier = _classifier(context, params)
    encoder = weights(context.tools.models, likeness.PACKAGE)
    if drawing.family == FLOWMINI:
        weights(context.tools.models, TEXT_ENCODER)
    dataset = open_version(context, params.dataset_version) if params.dataset_version else None
    learnt = learnt_from(context, params.checkpoint) if dataset else LearntFrom((), ())
    context.tell(0.0, "fetching what is needed")
    measured = context.compute(
        _COMPUTE,
        {
            "family": drawing.family,
            "checkpoint": str(drawing.folder),
            "adapter": str(pipeline_folder(context, adapter)) if adapter else None,
            "styles": drawing.config.get("config", {}).get("styles", []),
            "label": _label(drawing, classifier),
            "models": str(context.tools.models),
            "encoder": encoder.node,
            "backbones": str(context.tools.backbones),
            "classifier": str(checkpoint_folder(context, classifier)) if classifier else None,
            "works": _works(context, learnt, dataset) if dataset else None,
            "options": params.model_dump(
                include={"seeds", "max_prompts", "steps", "guidance", "style_guidance", "seed"}
            ),
            "out": str(context.folder),
        },
    )
    measured["result"]["not_looked_at"] = list(learnt.unseen)
    return _outcome(context, params, measured)


def _classifier(context: JobContext, params: EvaluateTextToImage) -> Checkpoint | None:
    if params.classifier is None:
        return None
    found = style_classifier(context, params.classifier, "a style classifier judges styles")
    if not found.measured:
        raise Conflict(
            "checkpoint_not_measured",
            f"{found.id} has no finished evaluation: nothing says how far its judgement can be trusted",
            hint="submit evaluate.checkpoint for the classifier first",
            field="params.classifier",
        )
    if backbone := backbone_of(found):
        require_backbone(context.tools.backbones, backbone["name"])
    return found


def _label(drawing: DrawingCheckpoint, classifier: Checkpoint | None) -> str:
    """The field of the works that names a style: that the checkpoint learnt from, or else the classifier."""
    told = drawing.config.get("training", {}).get("label")
    if told in ("artist", "medium"):
        return str(told)
    return str(classifier.config["training"]["label"]) if classifier else _LABEL


def _works(context: JobContext, learnt: LearntFrom, dataset: DatasetFiles) -> dict[str, Any]:
    """Shards of the held-out half, and of all that the checkpoint and its bases learnt from."""
    return {
        "held_out": dataset.shards(context, "validation"),
        "learnt": [shard for version in learnt.versions for shard in version.shards(context, "train")],
        "learnt_from": [str(version.index(context)) for version in learnt.versions],
    }


def _outcome(context: JobContext, params: EvaluateTextToImage, measured: dict[str, Any]) -> Outcome:
    evaluation = new_id("evl")
    report = context.folder / "report.json"
    told = params.model_dump(mode="json") | {"measured": measured["result"]}
    report.write_text(json.dumps(told, indent=2, sort_keys=True, ensure_ascii=False), "utf-8")
    copies = measured["copies"]
    result = EvaluatedTextToImage(
        evaluation=evaluation,
        sheet=context.put(Path(measured["sheet"])),
        copies=context.put(Path(copies)) if copies else None,
        report_sha256=context.put(report).sha256,
        **measured["result"],
    )
    record = EvaluationRecord(
        id=evaluation,
        checkpoint_id=params.checkpoint,
        dataset_version_id=params.dataset_version,
        # Never measured on what it was trained on, so that it counts as measured from now on.
        measures=result.model_dump(mode="json", exclude={"evaluation"})
        | {"split": "validation" if params.dataset_version else "none"},
    )
    sources = (params.checkpoint, params.dataset_version, params.classifier)
    edges = tuple(Edge(source=source, target=evaluation, relation="measured_by") for source in sources if source)
    return Outcome(result, records=(record,), edges=edges)
