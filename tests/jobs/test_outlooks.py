"""Estimates from a given state of the queue: what is known, and what is not told because nobody knows."""

from __future__ import annotations

import pytest

from impasto.estimates import History, Line, Outlook, Running, WorkerLoad, estimate

TEN = History(100, (10.0,) * 21)
NOTHING = Line(0.0)


def spread(low: float, high: float, runs: int = 1000) -> History:
    return History(runs, tuple(low + (high - low) * n / 20 for n in range(21)))


def test_a_free_slot_is_taken_at_once() -> None:
    told = estimate(Outlook((WorkerLoad(2, (Running(1.0, TEN),)),), NOTHING, run=TEN))
    assert told.slots == 2
    assert told.position.model_dump() == {"at_least": 1, "about": 1, "at_most": 1}
    assert told.start_in_s is not None
    assert told.start_in_s.p90 == 0
    assert told.end_in_s is not None
    assert (told.end_in_s.p10, told.end_in_s.p90) == (10, 10)


def test_what_runs_is_waited_for_as_long_as_runs_of_its_kind_take() -> None:
    told = estimate(Outlook((WorkerLoad(1, (Running(4.0, TEN),)),), NOTHING))
    assert told.start_in_s is not None
    assert (told.start_in_s.p10, told.start_in_s.p90) == (6, 6)
    assert told.end_in_s is None


def test_twelve_before_it_on_two_slots_take_six_runs_each() -> None:
    told = estimate(Outlook((WorkerLoad(2),), Line(0.0, ((12, TEN),))))
    assert told.position.at_least == told.position.about == told.position.at_most == 13
    assert told.start_in_s is not None
    assert (told.start_in_s.p10, told.start_in_s.p90) == (60, 60)


def test_a_long_queue_is_played_in_portions_and_comes_to_the_same() -> None:
    told = estimate(Outlook((WorkerLoad(1),), Line(0.0, ((5000, spread(1.0, 3.0)),))))
    assert told.start_in_s is not None
    assert 9_400 < told.start_in_s.p10 < 10_000 < told.start_in_s.p90 < 10_600


def test_tenants_take_turns_and_who_has_used_much_comes_after() -> None:
    own, other = Line(0.0, ((3, TEN),), 1), Line(0.0, ((500, TEN),), 2)
    told = estimate(Outlook((WorkerLoad(1),), own, (other,)))
    assert (told.position.at_least, told.position.at_most) == (4, 504)
    assert 7 <= told.position.about <= 9
    behind = estimate(Outlook((WorkerLoad(1),), own, (Line(10_000.0, ((500, TEN),), 2),)))
    assert behind.position.about == 4
    assert told.start_in_s is not None
    assert (told.start_in_s.p10, told.start_in_s.p90) == (60, 70)
    assert behind.start_in_s is not None
    assert (behind.start_in_s.p10, behind.start_in_s.p90) == (30, 30)


def test_what_is_of_another_shape_must_end_before_the_device_is_free() -> None:
    told = estimate(Outlook((WorkerLoad(4, others=(Running(2.0, TEN), Running(7.0, TEN))),), NOTHING))
    assert told.start_in_s is not None
    assert told.start_in_s.p10 == told.start_in_s.p90 == 8


@pytest.mark.parametrize(
    "outlook",
    [
        Outlook((), NOTHING, run=TEN),
        Outlook((WorkerLoad(2),), NOTHING, own_cap=0, run=TEN),
        Outlook((WorkerLoad(1, (Running(1.0, None),)),), NOTHING, run=TEN),
        Outlook((WorkerLoad(1),), Line(0.0, ((1, None),)), run=TEN),
    ],
)
def test_what_nobody_knows_is_not_told(outlook: Outlook) -> None:
    told = estimate(outlook)
    assert (told.start_in_s, told.end_in_s) == (None, None)


def test_a_run_longer_than_all_before_it_is_taken_to_go_on() -> None:
    told = estimate(Outlook((WorkerLoad(1, (Running(100.0, TEN),)),), NOTHING))
    assert told.start_in_s is not None
    assert 0 < told.start_in_s.p10 < told.start_in_s.p90 <= 100


def test_a_cap_is_waited_for_though_slots_are_free() -> None:
    told = estimate(Outlook((WorkerLoad(8, (Running(4.0, TEN, tenant=1),)),), Line(0.0, tenant=1), own_cap=1))
    assert told.start_in_s is not None
    assert told.start_in_s.p10 == told.start_in_s.p90 == 6


def test_few_runs_make_wide_intervals() -> None:
    few, many = spread(0.0, 100.0, runs=5).interval(), spread(0.0, 100.0, runs=10_000).interval()
    assert few.p10 < many.p10
    assert many.p90 < few.p90


def test_the_same_question_is_answered_alike() -> None:
    outlook = Outlook((WorkerLoad(1),), Line(0.0, ((7, spread(1.0, 9.0)),)), run=TEN)
    assert estimate(outlook, "job_1") == estimate(outlook, "job_1") != estimate(outlook, "job_2")
