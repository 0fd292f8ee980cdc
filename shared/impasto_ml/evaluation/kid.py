"""The kernel inception distance between two sets of pictures, without bias and with an interval.

Shapes: X drawn pictures, Y real ones, F features, R subsets, G prompts.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from impasto_ml.evaluation.measures import Measured

Floats = NDArray[np.floating[Any]]

LEAST_PICTURES: Final = 8
# Three kernels of this side are held at once: 3 x 32 MB. More pictures are thinned evenly.
_MOST_PICTURES: Final = 2000
_SUBSETS: Final = 200


def kid(
    drawn_XF: Floats,
    real_YF: Floats,
    prompts_X: NDArray[np.intp] | None = None,
    subsets: int = _SUBSETS,
    seed: int = 0,
) -> Measured | None:
    """The squared maximum mean discrepancy under k(a, b) = (a.b / F + 1)^3 (Binkowski et al. 2018, section 4).

    0 for two samples of one distribution, in the mean; an estimate may be below 0, and is not cut off there: cutting
    would be a bias. `value` is the mean over random subsets of half of each set, drawn without replacement, and the
    interval is what 95 % of them stay within: the spread of half-sized subsets is the error of the whole estimate
    (Shao & Wu 1989, the delete-half jackknife). `prompts_X` numbers the prompts of the drawn pictures, from 0: a half
    then is of whole prompts, because pictures of one prompt are alike; without it each picture is one of its own.
    None with fewer than eight pictures on either side, or with drawn pictures of a single prompt.
    """
    if min(len(drawn_XF), len(real_YF)) < LEAST_PICTURES:
        return None
    prompts = np.arange(len(drawn_XF)) if prompts_X is None else prompts_X
    places_x, places_y = _thinned(len(drawn_XF)), _thinned(len(real_YF))
    drawn, real = drawn_XF[places_x].astype(np.float64), real_YF[places_y].astype(np.float64)
    dice = np.random.default_rng(seed)
    chosen_x = _halves(int(prompts.max()) + 1, subsets, dice)[:, prompts[places_x]]
    chosen_y = _halves(len(real), subsets, dice)
    # A prompt of a single picture makes no pair.
    enough = chosen_x.sum(axis=1) > 1
    if not enough.any():
        return None
    chosen_x, chosen_y = chosen_x[enough], chosen_y[enough]
    found = _within(drawn, chosen_x) + _within(real, chosen_y) - 2 * _between(drawn, real, chosen_x, chosen_y)
    low, high = np.percentile(found, [2.5, 97.5])
    return Measured(float(found.mean()), float(low), float(high), len(drawn_XF))


def _halves(count: int, subsets: int, dice: np.random.Generator) -> NDArray[np.float64]:
    """R x count: 1 for those in the subset, 0 for the others."""
    order = dice.permuted(np.tile(np.arange(count), (subsets, 1)), axis=1)
    return (order < count // 2).astype(np.float64)


def _kernel(a: Floats, b: Floats) -> NDArray[np.float64]:
    result: NDArray[np.float64] = (a @ b.T / a.shape[1] + 1) ** 3
    return result


def _within(features: Floats, chosen: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean of k over all pairs of different pictures of each subset."""
    kernel = _kernel(features, features)
    # A picture with itself is what makes the usual estimate biased.
    np.fill_diagonal(kernel, 0)
    size = chosen.sum(axis=1)
    pairs: NDArray[np.float64] = ((chosen @ kernel) * chosen).sum(axis=1) / (size * (size - 1))
    return pairs


def _between(a: Floats, b: Floats, chosen_a: NDArray[np.float64], chosen_b: NDArray[np.float64]) -> NDArray[np.float64]:
    sums: NDArray[np.float64] = ((chosen_a @ _kernel(a, b)) * chosen_b).sum(axis=1)
    means: NDArray[np.float64] = sums / (chosen_a.sum(axis=1) * chosen_b.sum(axis=1))
    return means


def _thinned(count: int) -> NDArray[np.intp]:
    """Where those stand that are looked at."""
    return np.linspace(0, count - 1, min(count, _MOST_PICTURES)).round().astype(np.intp)
