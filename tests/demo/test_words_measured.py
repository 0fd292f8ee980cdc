"""Measures of drawing from words: each with its interval, its bound and what it is not asked."""

from __future__ import annotations

from impasto_demo.from_words_outcome import FromWords
from impasto_demo.report.words_measured import measured
from tests.demo.outcomes import from_words
from tests.demo.test_page import read


def test_every_measure_is_told_with_its_interval() -> None:
    told = measured(FromWords.model_validate(from_words()))
    read(told)
    for figure in (
        "32 pictures of 8 prompts",
        "16 pictures (95 %: 57.5 to 67.5 %)",
        "names 85 % rightly",
        "0.70 (95 %: 0.65 to 0.75)",
        "6.0 % of the pictures (95 %: 1.0 to 11.0 %)",
        "0.12 (95 %: 0.07 to 0.17)",
    ):
        assert figure in told


def test_a_hand_that_the_classifier_never_learnt_is_not_judged() -> None:
    told = measured(FromWords.model_validate(from_words()))
    assert "It never learnt Bob" in told
    assert "<span>Bob</span>" not in told


def test_what_was_not_measured_is_left_out() -> None:
    values = from_words()
    values["evaluation"] |= dict.fromkeys(("style", "scenes_held_out", "copying", "kid"))
    told = measured(FromWords.model_validate(values))
    read(told)
    for absent in ("Is it the hand", "Does it show", "Does it copy", "KID", "Another seed"):
        assert absent not in told
