"""Exact search for the nearest rows of a vector file, in blocks: memory does not grow with the collection."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from impasto_analyse.artwork.vectors import ID_BYTES

_BLOCK_ROWS: Final = 4096


def nearest(
    query_F: NDArray[np.floating[Any]], vectors: Path, ids: Path, rows: int, most: int, without: str | None = None
) -> list[tuple[str, float]]:
    """At most `most` (id, cosine similarity in -1..1), nearest first, of the file's first `rows` rows of float16.

    `query_F` and the rows have length 1; products are added up in float32. `without` is left out.
    """
    if rows == 0 or most == 0:
        return []
    query = np.asarray(query_F, dtype=np.float32)
    table = np.memmap(vectors, dtype="<f2", mode="r", shape=(rows, len(query)))
    kept = most + (without is not None)
    best_scores, best_rows = np.empty(0, np.float32), np.empty(0, np.intp)
    for start in range(0, rows, _BLOCK_ROWS):
        scores = table[start : start + _BLOCK_ROWS].astype(np.float32) @ query
        scores = np.concatenate([best_scores, scores])
        where = np.concatenate([best_rows, np.arange(start, start + len(scores) - len(best_scores))])
        # Stable, so that of equals the older work comes first.
        order = np.argsort(-scores, kind="stable")[:kept] if len(scores) <= kept else _top(scores, kept)
        best_scores, best_rows = scores[order], where[order]
    found = [(_id(ids, int(row)), float(np.clip(s, -1, 1))) for row, s in zip(best_rows, best_scores, strict=True)]
    return [(artwork, similarity) for artwork, similarity in found if artwork != without][:most]


def _top(scores: NDArray[np.float32], count: int) -> NDArray[np.intp]:
    chosen = np.flatnonzero(scores >= np.partition(scores, -count)[-count])
    return chosen[np.argsort(-scores[chosen], kind="stable")][:count]


def _id(ids: Path, row: int) -> str:
    with ids.open("rb") as file:
        file.seek(row * ID_BYTES)
        return file.read(ID_BYTES).decode("ascii")
