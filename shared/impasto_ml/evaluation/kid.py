"""The kernel inception distance between two sets of pictures, without bias and with an interval.

Shapes: X drawn pictures, Y real ones, F features, R subsets.
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


def kid(drawn_XF: Floats, real_YF: Floats, subsets: int = _SUBSETS, seed: int = 0) -> Measured | None:
    """The squared maximum mean discrepancy under k(a, b) = (a.b / F + 1)^3 (Binkowski et al. 2018, section 4).

    0 for two samples of one distribution, in the mean; an estimate may be below 0, and is not cut off there: cutting
    would be a bias. `value` is the mean over random subsets of half of each set, drawn without replacement, and the
    interval is what 95 % of them stay within: the spread of half-sized subsets is the error of the whole estimate
    (Shao & Wu 1989, the delete-half jackknife). None with fewer than eight pictures on either side.
    """
    if min(len(drawn_XF), len(real_YF)) < LEAST_PICTURES:
        return None
    drawn, real = _thinned(drawn_XF), _thinned(real_YF)
    dice = np.random.default_rng(seed)
    chosen_x, chosen_y = _halves(len(drawn), subsets, dice), _halves(len(real), subsets, dice)
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
    size = chosen[0].sum()
    pairs: NDArray[np.float64] = ((chosen @ kernel) * chosen).sum(axis=1) / (size * (size - 1))
    return pairs


def _between(a: Floats, b: Floats, chosen_a: NDArray[np.float64], chosen_b: NDArray[np.float64]) -> NDArray[np.float64]:
    sums: NDArray[np.float64] = ((chosen_a @ _kernel(a, b)) * chosen_b).sum(axis=1)
    means: NDArray[np.float64] = sums / (chosen_a[0].sum() * chosen_b[0].sum())
    return means


def _thinned(features: Floats) -> NDArray[np.float64]:
    places = np.linspace(0, len(features) - 1, min(len(features), _MOST_PICTURES)).round().astype(np.intp)
    return features[places].astype(np.float64)
