"""After timeouts in a row a lane is left alone for longer and longer, and one answer ends that."""

from __future__ import annotations

import pytest

from impasto_notifier.breaker import Breaker
from impasto_notifier.limits import LONGEST_HOLD_S, MOST_OF_A_LANE


class Clock:
    """Seconds, as the test says."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def breaker(clock: Clock) -> Breaker:
    return Breaker(clock)


@pytest.mark.parametrize("error", ["timeout", "connect_timeout", "name_timeout"])
def test_three_timeouts_in_a_row_hold_a_lane(breaker: Breaker, error: str) -> None:
    breaker.heard("slow", error)
    breaker.heard("slow", error)
    assert breaker.held() == {}
    breaker.heard("slow", error)
    assert breaker.held() == {"slow": 30.0}
    assert breaker.taken({"quick": 2}) == {"quick": 2, "slow": MOST_OF_A_LANE}


@pytest.mark.parametrize("error", [None, "http_status", "connect_failed"])
def test_an_answer_or_a_quick_failure_ends_the_count(breaker: Breaker, error: str | None) -> None:
    for ending in ("timeout", "timeout", error, "timeout", "timeout"):
        breaker.heard("lane", ending)
    assert breaker.held() == {}


def test_a_hold_doubles_up_to_five_minutes_and_what_was_under_way_does_not_count(
    breaker: Breaker, clock: Clock
) -> None:
    holds = []
    breaker.heard("slow", "timeout")
    breaker.heard("slow", "timeout")
    for _ in range(6):
        breaker.heard("slow", "timeout")
        holds.append(breaker.held()["slow"])
        breaker.heard("slow", "timeout")
        clock.now += holds[-1]
        assert breaker.held() == {}
    assert holds == [30, 60, 120, 240, LONGEST_HOLD_S, LONGEST_HOLD_S]


def test_after_a_hold_one_attempt_is_made_and_its_answer_opens_the_lane(breaker: Breaker, clock: Clock) -> None:
    for _ in range(3):
        breaker.heard("slow", "timeout")
    clock.now += 30
    assert breaker.taken({}) == {"slow": MOST_OF_A_LANE - 1}
    assert breaker.taken({"slow": 1}) == {"slow": MOST_OF_A_LANE}
    breaker.heard("slow", None)
    assert breaker.taken({"slow": 1}) == {"slow": 1}


def test_lanes_that_are_not_heard_of_any_more_are_forgotten(breaker: Breaker, clock: Clock) -> None:
    breaker.heard("once", "timeout")
    clock.now += 2 * LONGEST_HOLD_S
    for _ in range(3):
        breaker.heard("slow", "timeout")
    breaker.forget()
    assert breaker.held() == {"slow": 30.0}
    breaker.heard("once", "timeout")
    breaker.heard("once", "timeout")
    assert "once" not in breaker.held(), "the first one is forgotten"
