"""Finds drawn pictures that are nearer to a work that was learnt from than pictures of their kind have reason to be."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from impasto_ml.evaluation.measures import Measured, bootstrap

Floats = NDArray[np.floating[Any]]

# A drawn picture counts as a copy where it is nearer than this share of real works that were never learnt from.
QUANTILE: Final = 0.99
# With fewer real works their 99th percentile is the largest of a handful, and says nothing.
LEAST_WORKS: Final = 20
_WORST: Final = 8


@dataclass(frozen=True, slots=True)
class Nearest:
    """Of N pictures: cosine similarity to the nearest work, in -1..1, and that work's key."""

    similarity: NDArray[np.float32]
    keys: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class NearCopy:
    """A drawn picture, by its place among those drawn, and the work that it is nearest to."""

    drawn: int
    work: str
    similarity: float


@dataclass(frozen=True, slots=True)
class Copying:
    """`nearest`: mean similarity of drawn pictures to their nearest work; `real`: the same of held-out works.

    `threshold`: the similarity that 99 % of held-out works stay below; `copy_rate`: share of drawn pictures above it.
    Both are None where there are fewer than 20 held-out works. `worst`: the most similar pairs, worst first.
    """

    nearest: Measured
    largest: float
    real: Measured | None
    threshold: float | None
    copy_rate: Measured | None
    works: int
    worst: tuple[NearCopy, ...]


class NearestWorks:
    """Keeps the nearest work of each of N pictures while works stream past; memory grows with N alone."""

    def __init__(self, pictures_NF: Floats) -> None:
        self._unit = _unit(pictures_NF)
        self._best = np.full(len(pictures_NF), -np.inf, dtype=np.float32)
        self._keys = [""] * len(pictures_NF)
        self.works = 0

    def see(self, keys: Iterable[str], works_MF: Floats) -> None:
        """A batch of works."""
        names = list(keys)
        self.works += len(names)
        if not names or not len(self._unit):
            return
        similarity = self._unit @ _unit(works_MF).T
        nearest = similarity.argmax(axis=1)
        value = similarity[np.arange(len(nearest)), nearest]
        for row in np.flatnonzero(value > self._best):
            self._best[row], self._keys[row] = value[row], names[nearest[row]]

    def found(self) -> Nearest:
        return Nearest(self._best, tuple(self._keys))


def copying(drawn: Nearest, real: Nearest, works: int, prompts: NDArray[np.intp]) -> Copying:
    """`drawn` and `real` against the same `works`; `prompts` numbers the prompt of each drawn picture, from 0.

    Raises ValueError without drawn pictures or without works.
    """
    if not works:
        raise ValueError("there are no works that were learnt from")
    similarity = drawn.similarity
    enough = len(real.similarity) >= LEAST_WORKS
    threshold = float(np.quantile(real.similarity, QUANTILE)) if enough else None
    rate = None
    if threshold is not None:
        above = similarity > threshold
        rate = bootstrap(lambda index: float(above[index].mean()), len(above), prompts)
    order = np.argsort(-similarity, kind="stable")[:_WORST]
    return Copying(
        nearest=bootstrap(lambda index: float(similarity[index].mean()), len(similarity), prompts),
        largest=float(similarity.max()),
        real=_mean(real.similarity) if len(real.similarity) else None,
        threshold=threshold,
        copy_rate=rate,
        works=works,
        worst=tuple(NearCopy(int(row), drawn.keys[row], float(similarity[row])) for row in order),
    )


def _mean(values: NDArray[np.float32]) -> Measured:
    return bootstrap(lambda index: float(values[index].mean()), len(values))


def _unit(rows_NF: Floats) -> NDArray[np.float32]:
    rows = rows_NF.astype(np.float32)
    unit: NDArray[np.float32] = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-6)
    return unit
