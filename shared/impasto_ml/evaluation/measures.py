"""What a classifier is worth, each figure with its bootstrap interval and the number of pictures behind it.

Shapes: N pictures, K classes.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.integer[Any]]
Floats = NDArray[np.floating[Any]]
Index = NDArray[np.intp]

ECE_BINS = 10


@dataclass(frozen=True)
class Measured:
    """A figure, the bounds that 95 % of bootstrap resamples stay within, and how many pictures it rests on."""

    value: float
    low: float
    high: float
    count: int


def bootstrap(
    figure: Callable[[Index], float], count: int, groups: Ints | None = None, resamples: int = 300, seed: int = 0
) -> Measured:
    """The percentile interval (Efron & Tibshirani 1993, section 13.3) of `figure`, a function of picture indices.

    With `groups` (N group numbers, from 0) whole groups are drawn: pictures of one subject are not independent, and
    drawing them singly makes the interval too narrow. Raises ValueError without pictures.
    """
    if count == 0:
        raise ValueError("nothing was measured")
    everything = np.arange(count)
    unit = everything if groups is None else np.asarray(groups)
    units = int(unit.max()) + 1
    random = np.random.default_rng(seed)
    values = []
    for _ in range(resamples):
        times = np.bincount(random.integers(units, size=units), minlength=units)[unit]
        drawn = np.repeat(everything, times)
        if len(drawn):
            values.append(figure(drawn))
    low, high = np.nanpercentile(values, [2.5, 97.5])
    return Measured(float(figure(everything)), float(low), float(high), count)


def accuracy(truth_N: Ints, predicted_N: Ints) -> float:
    return float(np.mean(truth_N == predicted_N))


def confusion(truth_N: Ints, predicted_N: Ints, classes: int) -> NDArray[np.int64]:
    """K x K counts: row the truth, column the prediction."""
    flat = np.bincount(np.asarray(truth_N) * classes + np.asarray(predicted_N), minlength=classes * classes)
    return flat.reshape(classes, classes).astype(np.int64)


def macro_f1(truth_N: Ints, predicted_N: Ints, classes: int) -> float:
    """The mean of F1 over the classes that occur in the truth or among the predictions."""
    table = confusion(truth_N, predicted_N, classes)
    hits, rows, columns = np.diag(table), table.sum(1), table.sum(0)
    occurs = rows + columns > 0
    return float(np.mean(2 * hits[occurs] / (rows + columns)[occurs]))


def expected_calibration_error(confidence_N: Floats, correct_N: NDArray[np.bool_], bins: int = ECE_BINS) -> float:
    """Mean gap between confidence and accuracy over bins of equal mass (Nguyen & O'Connor 2015), in [0, 1]."""
    order = np.argsort(confidence_N, kind="stable")
    gaps = [
        abs(float(np.mean(confidence_N[part])) - float(np.mean(correct_N[part]))) * len(part)
        for part in np.array_split(order, bins)
        if len(part)
    ]
    return sum(gaps) / len(order)


def auroc(positive_P: Floats, negative_M: Floats) -> float:
    """How often a positive scores above a negative, ties half: the area under the ROC curve. NaN if one is empty."""
    positives, negatives = len(positive_P), len(negative_M)
    if not positives or not negatives:
        return float("nan")
    _, inverse, counts = np.unique(np.concatenate([positive_P, negative_M]), return_inverse=True, return_counts=True)
    # The rank of a tied value is the middle of the places that it takes.
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[inverse]
    return float((ranks[:positives].sum() - positives * (positives + 1) / 2) / (positives * negatives))
