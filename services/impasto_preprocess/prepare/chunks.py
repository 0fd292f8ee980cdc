"""Deals the chosen artworks into chunks of one split each, their pictures fetched: what a runner gets in one call."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

from impasto.artworks import Artwork
from impasto.errors import NotFound
from impasto.kinds.dataset_prepare import PrepareDataset, SplitRecipe
from impasto_ml.data.split import Split, split_of
from impasto_preprocess.prepare.tally import Tally
from impasto_worker.handling import JobContext

# Fetching waits for the store, not for a core.
_FETCHERS: Final = 4


def subject_of(artwork: Artwork) -> str:
    """What the work shows; a work that says nothing is a subject of its own."""
    return artwork.subject or artwork.title or artwork.id


def side_of(artwork: Artwork, recipe: SplitRecipe) -> Split:
    """The half a work belongs to. Subjects are compared without regard to case: "Heart" must not leak to "heart"."""
    unit = subject_of(artwork).casefold() if recipe.by == "subject" else artwork.id
    return split_of(unit, recipe.seed, recipe.validation_fraction)


def payloads(context: JobContext, params: PrepareDataset, tally: Tally) -> Iterator[dict[str, Any]]:
    """One payload a chunk of at most `samples_per_shard` artworks, in an order that the artworks alone decide."""
    waiting: dict[Split, list[Artwork]] = {"train": [], "validation": []}
    number = 0
    with ThreadPoolExecutor(_FETCHERS, thread_name_prefix="fetch") as fetchers:
        for artwork in _allowed(context, params, tally):
            side = side_of(artwork, params.split)
            waiting[side].append(artwork)
            if len(waiting[side]) == params.samples_per_shard:
                yield _payload(context, params, tally, fetchers, number, side, waiting[side])
                number, waiting[side] = number + 1, []
        for side, rest in waiting.items():
            if rest:
                yield _payload(context, params, tally, fetchers, number, side, rest)
                number += 1


def _allowed(context: JobContext, params: PrepareDataset, tally: Tally) -> Iterator[Artwork]:
    for artwork in context.tools.artworks.selected(context.tenant_id, params.select):
        if artwork.consent == "denied":
            tally.refuse(artwork.id, "consent_denied", "its maker has not consented to learning from it")
        else:
            yield artwork


def _payload(
    context: JobContext,
    params: PrepareDataset,
    tally: Tally,
    fetchers: ThreadPoolExecutor,
    number: int,
    side: Split,
    artworks: list[Artwork],
) -> dict[str, Any]:
    folder = context.folder / f"chunk-{number:06d}"
    folder.mkdir()
    entries = []
    for artwork, path in zip(artworks, fetchers.map(lambda a: _fetched(context, a, folder), artworks), strict=True):
        if path is None:
            tally.refuse(artwork.id, "not_found", "the object store has lost its picture")
        else:
            entries.append(_entry(artwork, path))
    # A file and not the frame: ten thousand long captions do not fit into one.
    (folder / "artworks.json").write_text(json.dumps(entries), "utf-8")
    return {
        "folder": str(folder),
        "split": side,
        "models": str(context.tools.models),
        "picture": params.picture.model_dump(),
        "caption": params.caption.model_dump(),
    }


def _fetched(context: JobContext, artwork: Artwork, folder: Path) -> Path | None:
    try:
        # Not into the cache, which would grow to hold the collection: this goes with its chunk.
        return context.fetch(artwork.sha256, into=folder)
    except NotFound:
        return None


def _entry(artwork: Artwork, path: Path) -> dict[str, Any]:
    told = artwork.model_dump(include={"id", "sha256", "caption", "title", "artist", "medium", "collection", "licence"})
    return told | {"subject": subject_of(artwork), "path": str(path)}
