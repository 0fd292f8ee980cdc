"""Takes an evaluation from its params to measures and a report; the measuring is done in a runner of its own."""

from __future__ import annotations

import json
from typing import Any, Final

from impasto.checkpoints import Checkpoint
from impasto.identifiers import new_id
from impasto.kinds.evaluate_checkpoint import EvaluateCheckpoint, EvaluatedCheckpoint
from impasto.lineage import Edge
from impasto.outcomes import EvaluationRecord, Outcome
from impasto_evaluate.families import style_classifier
from impasto_worker import likeness
from impasto_worker.backbone_files import backbone_of, require_backbone
from impasto_worker.checkpoint_files import checkpoint_folder
from impasto_worker.dataset_files import open_version
from impasto_worker.handling import JobContext
from impasto_worker.pretrained import weights

_COMPUTE: Final = "impasto_evaluate.checkpoint.compute:evaluate"


def evaluate(context: JobContext, params: EvaluateCheckpoint) -> Outcome:
    """Runs in the worker's slot.

    Raises:
        NotFound: the checkpoint or the dataset version.
        Conflict: the checkpoint is of another family.
        JobFailed: the split has too few samples that the checkpoint may be measured on, or weights are missing.
    """
    checkpoint = style_classifier(context, params.checkpoint)
    dataset = open_version(context, params.dataset_version)
    label: str = checkpoint.config["training"]["label"]
    if backbone := backbone_of(checkpoint):
        require_backbone(context.tools.backbones, backbone["name"])
    else:
        weights(context.tools.models, likeness.PACKAGE)
    context.tell(0.0, "fetching the shards")
    measured = context.compute(
        _COMPUTE,
        {
            "checkpoint": str(checkpoint_folder(context, checkpoint)),
            "models": str(context.tools.models),
            "backbones": str(context.tools.backbones),
            "shards": dataset.shards(context, params.split),
            "split": params.split,
            "index": str(dataset.index(context)),
            "learnt_from": _learnt_from(context, params, checkpoint),
            "label": label,
            "excluded": checkpoint.config["training"]["excluded_labels"],
            "perturbation_seeds": params.perturbation_seeds,
            "max_perturbed_samples": params.max_perturbed_samples,
            "seed": params.seed,
        },
    )
    return _outcome(context, params, measured)


def _learnt_from(context: JobContext, params: EvaluateCheckpoint, checkpoint: Checkpoint) -> str | None:
    """The index of what the checkpoint learnt from, where that can overlap with what it is measured on."""
    version = checkpoint.dataset_version_id
    if version is None or version == params.dataset_version or params.split == "train":
        return None
    return str(open_version(context, version).index(context))


def _outcome(context: JobContext, params: EvaluateCheckpoint, measured: dict[str, Any]) -> Outcome:
    evaluation = new_id("evl")
    report = context.folder / "report.json"
    described = params.model_dump(mode="json")
    report.write_text(json.dumps(described | measured, indent=2, sort_keys=True, ensure_ascii=False), "utf-8")
    result = EvaluatedCheckpoint(evaluation=evaluation, report_sha256=context.put(report).sha256, **measured["result"])
    record = EvaluationRecord(
        id=evaluation,
        checkpoint_id=params.checkpoint,
        dataset_version_id=params.dataset_version,
        measures=result.model_dump(mode="json", exclude={"evaluation"}) | {"split": params.split},
    )
    return Outcome(
        result,
        records=(record,),
        edges=(
            Edge(source=params.checkpoint, target=evaluation, relation="measured_by"),
            Edge(source=params.dataset_version, target=evaluation, relation="measured_by"),
        ),
    )
