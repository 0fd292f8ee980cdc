"""Copies are told from pictures that are merely of the same kind."""

import numpy as np
import pytest

from impasto_ml.evaluation.copying import LEAST_WORKS, Copying, NearestWorks, copying

_WIDTH = 32


def _works(seed: int, count: int) -> np.ndarray:
    return np.abs(np.random.default_rng(seed).normal(size=(count, _WIDTH)))


def _measure(drawn: np.ndarray, real: np.ndarray, learnt: np.ndarray, batch: int = 7) -> Copying:
    of_drawn, of_real = NearestWorks(drawn), NearestWorks(real)
    for start in range(0, len(learnt), batch):
        part = learnt[start : start + batch]
        keys = [f"work-{number}" for number in range(start, start + len(part))]
        of_drawn.see(keys, part)
        of_real.see(keys, part)
    return copying(of_drawn.found(), of_real.found(), of_drawn.works, np.arange(len(drawn)))


def test_who_returns_the_works_themselves_copies_always() -> None:
    learnt = _works(1, 100)
    found = _measure(learnt[20:50] * 3, _works(2, 60), learnt)
    assert found.copy_rate is not None
    assert (found.copy_rate.value, found.copy_rate.count) == (1.0, 30)
    assert found.largest == pytest.approx(1)
    assert {pair.work for pair in found.worst} == {f"work-{20 + pair.drawn}" for pair in found.worst}
    assert found.works == 100


def test_new_pictures_of_the_same_kind_count_as_copies_about_as_seldom_as_held_out_works() -> None:
    found = _measure(_works(3, 300), _works(2, 300), _works(1, 100))
    assert found.copy_rate is not None
    assert found.copy_rate.value < 0.06
    assert found.real is not None
    assert abs(found.nearest.value - found.real.value) < 0.02


def test_half_copies_are_half() -> None:
    learnt = _works(1, 100)
    found = _measure(np.concatenate([learnt[:40], _works(3, 40)]), _works(2, 300), learnt)
    assert found.copy_rate is not None
    assert 0.5 <= found.copy_rate.value < 0.58
    assert [pair.drawn < 40 for pair in found.worst] == [True] * len(found.worst)


def test_without_enough_held_out_works_no_rate_is_claimed() -> None:
    learnt = _works(1, 50)
    few = _measure(learnt[:10], _works(2, LEAST_WORKS - 1), learnt)
    assert (few.copy_rate, few.threshold) == (None, None)
    assert few.nearest.value == pytest.approx(1)
    none = _measure(learnt[:10], np.empty((0, 0)), learnt)
    assert none.real is None


def test_how_works_are_batched_does_not_matter() -> None:
    drawn, real, learnt = _works(3, 20), _works(2, 30), _works(1, 90)
    one, other = _measure(drawn, real, learnt, 1), _measure(drawn, real, learnt, 90)
    assert one.nearest.value == pytest.approx(other.nearest.value, abs=1e-6)
    assert [pair.work for pair in one.worst] == [pair.work for pair in other.worst]


def test_without_works_there_is_nothing_to_copy() -> None:
    with pytest.raises(ValueError, match="no works"):
        _measure(_works(1, 5), _works(2, 5), np.empty((0, _WIDTH)))
