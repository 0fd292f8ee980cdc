"""Takes an import from its params to a checkpoint; files are looked at in a runner before anything reads them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

from impasto.checkpoints import Checkpoint
from impasto.errors import Conflict, NotFound
from impasto.identifiers import new_id
from impasto.kinds import evaluate_text_to_image
from impasto.kinds.checkpoint_import import ImportCheckpoint, ImportedCheckpoint
from impasto.kinds.evaluate_text_to_image import EvaluateTextToImage
from impasto.lineage import Edge
from impasto.outcomes import CheckpointRecord, FollowUp, Outcome
from impasto_preprocess.checkpoint_import.sources import Obtained, obtain
from impasto_worker.handling import JobContext
from impasto_worker.pipeline_files import ADAPTER, DIFFUSERS, PipelineManifest, open_manifest

_CHECK_PIPELINE: Final = "impasto_preprocess.checkpoint_import.compute:check_pipeline"
_CHECK_LORA: Final = "impasto_preprocess.checkpoint_import.compute:check_lora"
# A large model draws for seconds or minutes a picture: a few scenes tell whether it draws what is asked.
_SEEDS, _PROMPTS, _STEPS, _GUIDANCE = 1, 12, 20, 5.0


def import_checkpoint(context: JobContext, params: ImportCheckpoint) -> Outcome:
    """Runs in the worker's slot.

    Raises:
        NotFound: the checkpoint that the adapter is for, or an uploaded file.
        Conflict: that checkpoint takes no adapters.
        JobFailed: the files are not there, or are refused.
    """
    base = _base(context, params.adapter_of) if params.adapter_of else None
    obtained = obtain(context, params)
    shapes = context.folder / "shapes.json"
    if base is None:
        payload = {"folder": str(obtained.folder.absolute()), "shapes": str(shapes)}
        found = context.compute(_CHECK_PIPELINE, payload)
        manifest = _keep(context, obtained.folder, found, json.loads(shapes.read_text("utf-8")))
        return _outcome(context, params, obtained, found, manifest, None)
    known = open_manifest(context, base)
    shapes.write_text(json.dumps(known.shapes), "utf-8")
    found = {"pipeline": known.pipeline} | context.compute(
        _CHECK_LORA,
        {
            "folder": str(obtained.folder.absolute()),
            "shapes": str(shapes),
            "pipeline": known.pipeline,
            "denoiser": str(_denoiser(context, known)),
        },
    )
    return _outcome(context, params, obtained, found, _keep(context, obtained.folder, found, {}), base)


def _base(context: JobContext, identifier: str) -> Checkpoint:
    if (found := context.tools.catalogue.checkpoint(context.tenant_id, identifier)) is None:
        raise NotFound("checkpoint", identifier)
    if found.family != DIFFUSERS:
        raise Conflict(
            "model_incompatible",
            f"{identifier} is of the family {found.family}: only imported pipelines take adapters",
            field="params.adapter_of",
            limit=DIFFUSERS,
            actual=found.family,
        )
    return found


def _denoiser(context: JobContext, base: PipelineManifest) -> Path:
    name = "transformer" if "transformer" in base.shapes else "unet"
    return context.fetch(base.files[f"{name}/config.json"]["sha256"])


def _keep(context: JobContext, folder: Path, found: dict[str, Any], shapes: dict[str, Any]) -> PipelineManifest:
    """Stores every file; they become visible with the checkpoint."""
    sizes = {name: (folder / name).stat().st_size for name in found["files"]}
    whole, done, files = max(1, sum(sizes.values())), 0, {}
    for name in found["files"]:
        context.tell(0.6 + 0.4 * done / whole, f"storing {name}")
        stored = context.put(folder / name)
        files[name] = {"sha256": stored.sha256, "size_bytes": stored.size_bytes}
        done += sizes[name]
    return PipelineManifest(found["pipeline"], files, shapes)


def _outcome(
    context: JobContext,
    params: ImportCheckpoint,
    obtained: Obtained,
    found: dict[str, Any],
    manifest: PipelineManifest,
    base: Checkpoint | None,
) -> Outcome:
    checkpoint, digest = new_id("ckp"), context.put(manifest.write(context.folder / "manifest.json")).sha256
    family = ADAPTER if base else DIFFUSERS
    needs = {place: found[place] for place in ("on_gpu", "on_cpu")}
    measuring = _measuring(checkpoint) if params.evaluate else None
    result = ImportedCheckpoint(
        checkpoint=checkpoint,
        family=family,
        pipeline=manifest.pipeline,
        manifest_sha256=digest,
        files=len(manifest.files),
        size_bytes=sum(file["size_bytes"] for file in manifest.files.values()),
        revision=obtained.revision,
        evaluation=measuring.id if measuring else None,
        **needs,
    )
    config = {"pipeline": manifest.pipeline, "source": obtained.origin, **needs}
    if base is not None:
        config |= {"base": base.id, "base_sha256": base.weights_sha256}
    record = CheckpointRecord(checkpoint, params.name, family, manifest.pipeline, digest, config, None)
    sources = [f"pretrained:{params.name}@{digest[:12]}", *([base.id] if base else [])]
    return Outcome(
        result,
        records=(record,),
        edges=tuple(Edge(source=source, target=checkpoint, relation="trained_into") for source in sources),
        follow_ups=(measuring,) if measuring else (),
    )


def _measuring(checkpoint: str) -> FollowUp:
    params = EvaluateTextToImage(
        checkpoint=checkpoint, seeds=_SEEDS, max_prompts=_PROMPTS, steps=_STEPS, guidance=_GUIDANCE
    )
    return FollowUp(new_id("job"), evaluate_text_to_image.KIND, params)
