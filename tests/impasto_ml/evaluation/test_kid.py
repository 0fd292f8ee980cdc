"""The kernel inception distance: nothing between samples of one distribution, in the mean exactly nothing."""

from dataclasses import replace

import numpy as np
import pytest

from impasto_ml.evaluation import kid as kid_module
from impasto_ml.evaluation.kid import LEAST_PICTURES, kid


def _normal(seed: int, count: int, width: int = 24, shift: float = 0.0) -> np.ndarray:
    return np.random.default_rng(seed).normal(shift, 1, (count, width))


def _by_hand(x: np.ndarray, y: np.ndarray) -> float:
    """Equation 4 of the paper, pair by pair."""

    def k(a: np.ndarray, b: np.ndarray) -> float:
        return float((a @ b / len(a) + 1) ** 3)

    m, n = len(x), len(y)
    within_x = sum(k(x[i], x[j]) for i in range(m) for j in range(m) if i != j) / (m * (m - 1))
    within_y = sum(k(y[i], y[j]) for i in range(n) for j in range(n) if i != j) / (n * (n - 1))
    return within_x + within_y - 2 * sum(k(a, b) for a in x for b in y) / (m * n)


def test_it_is_the_estimate_of_the_paper() -> None:
    x, y = _normal(1, 20), _normal(2, 14, shift=0.5)
    found = kid(x, y, subsets=4000)
    assert found is not None
    # Random halves differ; their mean is the whole.
    assert abs(found.value - _by_hand(x, y)) < 0.05 * abs(_by_hand(x, y))
    assert found.count == 20


def test_two_samples_of_one_distribution_are_not_apart_and_the_estimate_has_no_bias() -> None:
    values = [found.value for s in range(60) if (found := kid(_normal(s, 40), _normal(1000 + s, 40))) is not None]
    error = np.std(values) / np.sqrt(len(values))
    assert abs(np.mean(values)) < 3 * error
    assert min(values) < 0, "an estimate that is never negative is biased"


def test_another_distribution_is_away_and_its_interval_says_so() -> None:
    near, far = kid(_normal(1, 200), _normal(2, 200, shift=0.3)), kid(_normal(1, 200), _normal(2, 200, shift=0.8))
    assert near is not None
    assert far is not None
    assert 0 < near.low < near.value < near.high < far.low


def test_the_interval_covers_nothing_when_there_is_nothing_about_as_often_as_it_says() -> None:
    found = [kid(_normal(s, 60), _normal(500 + s, 60)) for s in range(60)]
    covered = sum(one is not None and one.low <= 0 <= one.high for one in found)
    assert covered >= 50


def test_the_interval_is_about_as_wide_as_estimates_of_new_samples_scatter() -> None:
    found = [kid(_normal(s, 60), _normal(500 + s, 60, shift=0.4)) for s in range(60)]
    scatter = np.ptp(np.percentile([one.value for one in found if one], [2.5, 97.5]))
    width = np.median([one.high - one.low for one in found if one])
    assert 0.6 < width / scatter < 1.7


def _of_prompts(seed: int, prompts: int, each: int, shift: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """Pictures that say little that another of the same prompt does not say."""
    dice = np.random.default_rng(seed)
    means = dice.normal(shift, 1, (prompts, 24))
    numbers = np.repeat(np.arange(prompts), each)
    return means[numbers] + dice.normal(0, 0.1, (len(numbers), 24)), numbers


def test_pictures_of_one_prompt_go_together_so_the_interval_is_as_wide_as_estimates_of_new_prompts_scatter() -> None:
    sets = [_of_prompts(seed, 10, 8, 0.4) for seed in range(60)]
    found = [kid(x, _normal(500 + s, 200), numbers) for s, (x, numbers) in enumerate(sets)]
    scatter = np.ptp(np.percentile([one.value for one in found if one], [2.5, 97.5]))
    width = np.median([one.high - one.low for one in found if one])
    assert 0.6 < width / scatter < 1.7
    narrow = np.median([one.high - one.low for x, _ in sets[:10] if (one := kid(x, _normal(1, 200)))])
    assert narrow / scatter < 0.6, "picture by picture it would promise too much"


def test_pictures_of_a_single_prompt_have_no_interval() -> None:
    assert kid(_normal(1, 20), _normal(2, 20), np.zeros(20, np.intp)) is None


def test_halves_of_one_picture_are_left_out_because_it_makes_no_pair() -> None:
    x, y = _normal(1, 20, shift=0.5), _normal(2, 20)
    found = kid(x, y, np.array([0] + [1] * 19), subsets=2000)
    assert found is not None
    assert abs(found.value - _by_hand(x[1:], y)) < 0.05 * _by_hand(x[1:], y)


def test_of_very_many_pictures_some_are_looked_at_evenly_with_their_prompts(monkeypatch: pytest.MonkeyPatch) -> None:
    x, numbers = _of_prompts(1, 10, 8, 0.4)
    y = _normal(2, 60)
    few = kid(x, y, numbers)
    monkeypatch.setattr(kid_module, "_MOST_PICTURES", len(x))
    twice = kid(np.repeat(x, 2, axis=0), y, np.repeat(numbers, 2))
    assert few is not None
    assert twice is not None
    assert twice == replace(few, count=2 * len(x))


def test_vectors_as_shards_carry_them_are_counted_with_exactly() -> None:
    x, y = _normal(1, 30).astype(np.float16), _normal(2, 30).astype(np.float16)
    assert kid(x, y) == kid(x.astype(np.float64), y.astype(np.float64))


def test_a_handful_of_pictures_says_nothing() -> None:
    assert kid(_normal(1, LEAST_PICTURES - 1), _normal(2, 100)) is None
    assert kid(_normal(1, 100), _normal(2, LEAST_PICTURES - 1)) is None
    assert kid(_normal(1, LEAST_PICTURES), _normal(2, LEAST_PICTURES)) is not None


def test_the_same_sets_give_the_same_figure() -> None:
    assert kid(_normal(1, 30), _normal(2, 30)) == kid(_normal(1, 30), _normal(2, 30))
