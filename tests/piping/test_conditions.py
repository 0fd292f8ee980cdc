"""Conditions: what can be said, what cannot, and what a measure that was not taken means."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from impasto.pipelines.conditions import Comparison, NotACondition, comparisons, holds, parse, told

_VALUES = {"a.loss": 0.5, "a.kid.value": 0.04, "b-2.n": 3.0}


def measured(found: Comparison) -> float | None:
    return _VALUES.get(found.measure)


@pytest.mark.parametrize(
    ("text", "outcome"),
    [
        ("a.loss < 0.6", True),
        ("a.loss<0.5", False),
        ("a.loss <= 0.5 and b-2.n == 3", True),
        ("a.loss > 1 or b-2.n != 4", True),
        ("a.loss > 1 or b-2.n > 9 and a.loss < 1", False),
        ("(a.loss > 1 or b-2.n > 2) and a.loss < 1", True),
        ("a.kid.value < 5e-2", True),
        ("b-2.n >= -3.0", True),
        ("a.nothing < 1", False),
        ("a.nothing >= 1", False),
        ("a.nothing != 1", False),
    ],
)
def test_a_condition_is_read_and_judged(text: str, outcome: bool) -> None:
    assert holds(parse(text), measured) is outcome


def test_and_binds_closer_than_or_and_every_measure_is_found() -> None:
    found = parse("a.loss < 1 or a.kid.value < 1 and b-2.n > 0")
    assert [str(one) for one in comparisons(found)] == ["a.loss < 1", "a.kid.value < 1", "b-2.n > 0"]
    assert told(found, measured) == "a.loss is 0.5, a.kid.value is 0.04, b-2.n is 3"
    assert told(parse("a.x < 1"), measured) == "a.x was not measured"


@pytest.mark.parametrize(
    "text",
    ["", " ", "a", "a.loss", "a.loss <", "a.loss < b.loss", "0.5 < a.loss", "a.loss < 0.5 and", "a.loss < 1 1",
     "(a.loss < 1", "a.loss < 1)", "a.loss = 1", "not a.loss < 1", "a.loss < 1 && a.loss > 0", "__import__('os')",
     "a.loss < nan", "a.loss < 1; a.loss < 2", "(" * 30 + "a.loss < 1" + ")" * 30, "a..loss < 1", "A.loss < 1"],
)  # fmt: skip
def test_anything_else_is_no_condition(text: str) -> None:
    with pytest.raises(NotACondition):
        parse(text)


@given(st.text(max_size=60))
def test_any_text_is_a_condition_or_none_and_nothing_else_happens(text: str) -> None:
    with suppress(NotACondition):
        assert holds(parse(text), measured) in (True, False)
