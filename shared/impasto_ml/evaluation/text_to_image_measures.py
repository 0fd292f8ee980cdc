"""What is found out about a model that draws from words, and how each figure is taken from what was drawn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from impasto_ml.data.scenes import COLOURLESS
from impasto_ml.evaluation.attributes import Reading
from impasto_ml.evaluation.copying import Copying
from impasto_ml.evaluation.measures import Measured, bootstrap
from impasto_ml.evaluation.text_to_image_drawing import Asked

Index = NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Attributes:
    """Shares of scenes that show what was asked. `every`: colour, shape and place at once.

    Where a manner has no colours, `colour` and `every` do not count its pictures; None if no others were drawn.
    `by_style`: shares that show all that the style can.
    """

    colour: Measured | None
    shape: Measured
    place: Measured
    every: Measured | None
    by_style: dict[str, Measured]


@dataclass(frozen=True, slots=True)
class StyleAgreement:
    """`drawn`: share of drawn pictures whose style the judge names as asked; `real`: its accuracy on held-out works.

    The second bounds what the first can say; it is None without works of styles that the judge knows.
    """

    drawn: Measured
    by_style: dict[str, Measured]
    real: Measured | None
    real_by_style: dict[str, Measured]


@dataclass(frozen=True, slots=True)
class Spread:
    """Mean distance (1 - cosine) between pictures of one prompt and style by seed, and between prompts of one style."""

    seeds: Measured | None
    prompts: Measured | None


@dataclass(frozen=True, slots=True)
class Stability:
    """Largest difference, in steps of 1/255, between pictures of one request: drawn `again` in the same company, and
    `alone`."""

    again: int
    alone: int
    requests: int


@dataclass(frozen=True, slots=True)
class TextToImageEvaluation:
    """Each measure is None where what it needs was not given. Intervals draw whole prompts, for 95 %."""

    drawn: int
    prompts: int
    styles: tuple[str, ...]
    encoder: str
    held_out_works: int
    learnt_works: int
    style: StyleAgreement | None
    scenes_held_out: Attributes | None
    scenes_seen: Attributes | None
    kid: Measured | None
    copying: Copying | None
    spread: Spread
    stability: Stability

    def record(self) -> dict[str, Any]:
        """As JSON."""
        return asdict(self)


def numbered(names: Sequence[Any]) -> Index:
    """Equal things get equal numbers, from 0."""
    numbers: dict[Any, int] = {}
    return np.array([numbers.setdefault(name, len(numbers)) for name in names], dtype=np.intp)


def share(hits: Sequence[bool] | NDArray[np.bool_], groups: Index) -> Measured | None:
    """How many of these are true; None without any."""
    right = np.asarray(hits, dtype=bool)
    if not len(right):
        return None
    return bootstrap(lambda index: float(right[index].mean()), len(right), numbered(groups.tolist()))


def by_name(hits: NDArray[np.bool_], names: Sequence[str | None], groups: Index) -> dict[str, Measured]:
    """`share` of each name's own."""
    found: dict[str, Measured] = {}
    for name in sorted({name for name in names if name}):
        own = np.array([other == name for other in names])
        if (measured := share(hits[own], groups[own])) is not None:
            found[name] = measured
    return found


def attributes(asked: Sequence[Asked], readings: Sequence[Reading], held_out: bool) -> Attributes | None:
    """Of the scenes among those asked that are held out, or of those that are not."""
    rows = [
        (one.scene, reading, one.style)
        for one, reading in zip(asked, readings, strict=True)
        if one.scene is not None and one.scene.held_out == held_out
    ]
    groups = numbered([scene.prompt for scene, _, _ in rows])
    shape = np.array([scene.shape == reading.shape for scene, reading, _ in rows], dtype=bool)
    place = np.array([scene.place == reading.place for scene, reading, _ in rows], dtype=bool)
    colour = np.array([scene.colour == reading.colour for scene, reading, _ in rows], dtype=bool)
    coloured = np.array([scene.manner not in COLOURLESS for scene, _, _ in rows], dtype=bool)
    shapes, places = share(shape, groups), share(place, groups)
    if shapes is None or places is None:
        return None
    return Attributes(
        colour=share(colour[coloured], groups[coloured]),
        shape=shapes,
        place=places,
        every=share((colour & shape & place)[coloured], groups[coloured]),
        by_style=by_name((colour | ~coloured) & shape & place, [style for _, _, style in rows], groups),
    )


def spread(asked: Sequence[Asked], rows_NF: NDArray[np.floating[Any]]) -> Spread:
    """Sums of unit vectors stand for all pairs: nothing grows with the square of the pictures."""
    if not asked:
        return Spread(None, None)
    unit = rows_NF.astype(np.float64)
    unit /= np.maximum(np.linalg.norm(unit, axis=1, keepdims=True), 1e-9)
    prompts, styles = numbered([one.prompt for one in asked]), numbered([one.style for one in asked])
    pairs = numbered([(one.prompt, one.style) for one in asked])
    same, count_same = _sums(unit, pairs)
    whole, count_whole = _sums(unit, styles)
    others = count_whole[styles] - count_same[pairs]
    inside = count_same[pairs] - 1
    by_seed = 1 - (np.einsum("nf,nf->n", unit, same[pairs]) - 1) / np.maximum(inside, 1)
    apart = 1 - np.einsum("nf,nf->n", unit, whole[styles] - same[pairs]) / np.maximum(others, 1)
    return Spread(_mean(by_seed[inside > 0], prompts[inside > 0]), _mean(apart[others > 0], prompts[others > 0]))


def _sums(unit: NDArray[np.float64], numbers: Index) -> tuple[NDArray[np.float64], Index]:
    sums = np.zeros((int(numbers.max()) + 1, unit.shape[1]))
    np.add.at(sums, numbers, unit)
    return sums, np.bincount(numbers)


def _mean(values: NDArray[np.float64], groups: Index) -> Measured | None:
    if not len(values):
        return None
    return bootstrap(lambda index: float(values[index].mean()), len(values), numbered(groups.tolist()))
