"""Measures against values worked out by hand, and intervals against what is known of them."""

import math

import numpy as np
import pytest

from impasto_ml.evaluation.measures import (
    accuracy,
    auroc,
    bootstrap,
    confusion,
    expected_calibration_error,
    macro_f1,
)

TRUTH = np.array([0, 0, 0, 1, 1, 2])
GUESS = np.array([0, 0, 1, 1, 1, 0])


def test_the_confusion_has_the_truth_in_its_rows() -> None:
    assert confusion(TRUTH, GUESS, 3).tolist() == [[2, 1, 0], [0, 2, 0], [1, 0, 0]]


def test_accuracy_and_macro_f1_by_hand() -> None:
    assert accuracy(TRUTH, GUESS) == pytest.approx(4 / 6)
    # F1: 2*2/(3+3), 2*2/(2+3), 0; a fourth class that never occurs does not count.
    assert macro_f1(TRUTH, GUESS, 4) == pytest.approx((2 / 3 + 4 / 5 + 0) / 3)


def test_auroc_by_hand_with_a_tie() -> None:
    assert auroc(np.array([3.0, 2.0]), np.array([2.0, 1.0])) == pytest.approx(3.5 / 4)
    assert auroc(np.array([2.0, 3.0]), np.array([0.0, 1.0])) == 1.0
    assert auroc(np.zeros(5), np.zeros(7)) == 0.5
    assert math.isnan(auroc(np.array([]), np.array([1.0])))


def test_a_calibrated_classifier_has_no_error_and_a_boastful_one_its_boast() -> None:
    right = np.arange(1000) % 10 < 7
    assert expected_calibration_error(np.full(1000, 0.7), right) == pytest.approx(0.0, abs=1e-9)
    assert expected_calibration_error(np.full(1000, 0.9), right) == pytest.approx(0.2)


def test_opposite_faults_in_different_bins_do_not_cancel() -> None:
    confidence = np.r_[np.full(500, 0.6), np.full(500, 0.9)]
    right = np.r_[np.arange(500) % 10 < 8, np.arange(500) % 10 < 7]
    assert expected_calibration_error(confidence, right) == pytest.approx(0.2)


def test_the_interval_holds_the_figure_and_narrows_with_pictures() -> None:
    hits = np.random.default_rng(0).random(4000) < 0.8

    def share(count: int):
        return bootstrap(lambda index: float(hits[:count][index].mean()), count)

    few, many = share(100), share(4000)
    assert few.low < few.value < few.high
    assert many.high - many.low < 0.3 * (few.high - few.low)
    # The textbook width for a share: 2 * 1.96 * sqrt(p (1 - p) / n).
    assert many.high - many.low == pytest.approx(2 * 1.96 * math.sqrt(0.8 * 0.2 / 4000), rel=0.25)
    assert (few.count, many.count) == (100, 4000)


def test_pictures_of_one_subject_do_not_pass_for_independent() -> None:
    subject = np.repeat(np.arange(50), 20)
    hits = np.repeat(np.random.default_rng(1).random(50) < 0.5, 20)
    alone = bootstrap(lambda index: float(hits[index].mean()), 1000)
    grouped = bootstrap(lambda index: float(hits[index].mean()), 1000, subject)
    assert grouped.high - grouped.low > 3 * (alone.high - alone.low)


def test_the_same_seed_gives_the_same_interval_and_nothing_cannot_be_measured() -> None:
    values = np.random.default_rng(2).random(50)
    assert bootstrap(lambda i: float(values[i].mean()), 50) == bootstrap(lambda i: float(values[i].mean()), 50)
    with pytest.raises(ValueError, match="nothing"):
        bootstrap(lambda i: 0.0, 0)
