"""The section about drawing from words: real pictures, named; figures as measured; one sentence without a starter."""

from __future__ import annotations

import re
from pathlib import Path

from impasto_demo.report.page import render
from impasto_demo.report.words import drawn
from tests.demo.outcomes import HOSTILE, outcome
from tests.demo.test_page import read


def test_every_picture_of_both_grids_is_shown_with_its_words_and_style(tmp_path: Path) -> None:
    section = drawn(outcome(tmp_path), tmp_path, 7)
    for style in ("flat", "ink", "Ada", "Bob"):
        assert section.count(f'alt="owl, drawn as {style}"') == 1
        assert f"<span>{style}</span>" in section
    assert section.index("Before: the starter") < section.index("drawn as flat") < section.index("After: the new")


def test_rows_say_where_the_works_of_their_subject_are(tmp_path: Path) -> None:
    section = drawn(outcome(tmp_path), tmp_path, 7)
    assert section.count("<b>“owl”</b><small>drawings held out</small>") == 1
    assert section.count("in no dataset") == 1
    assert section.index("After: the new") < section.index("drawings held out")


def test_the_loss_is_drawn_from_its_first_to_its_last_step(tmp_path: Path) -> None:
    section = drawn(outcome(tmp_path), tmp_path, 7)
    line = re.search(r'polyline class="line" points="([^"]*)"', section)
    assert line
    assert len(line[1].split()) == 40
    assert "a point" not in section


def test_a_long_loss_is_drawn_as_means_of_which_the_page_tells(tmp_path: Path) -> None:
    told = outcome(tmp_path)
    assert told.from_words
    long = told.from_words.model_copy(update={"loss": [(step, float(step % 4)) for step in range(1, 201)]})
    section = drawn(told.model_copy(update={"from_words": long}), tmp_path, 7)
    line = re.search(r'polyline class="line" points="([^"]*)"', section)
    assert line
    heights = {point.split(",")[1] for point in line[1].split()}
    assert len(line[1].split()) == 50
    assert len(heights) == 1
    assert "the mean of 4 steps a point" in section


def test_samples_stand_by_step_and_name_the_learnt_hands_alone(tmp_path: Path) -> None:
    section = drawn(outcome(tmp_path), tmp_path, 7)
    assert "<b>After 40 steps</b>" in section
    assert "a row a hand (Ada, Bob)" in section


def test_one_picture_is_led_back_to_works_under_their_licences(tmp_path: Path) -> None:
    section = drawn(outcome(tmp_path), tmp_path, 7)
    origin = section[section.index("Where one of them came from") :]
    assert "“owl”, drawn as Bob" in origin
    assert "30 works" in origin
    assert "MIT × 20" in origin


def test_without_a_starter_the_page_says_so_in_one_sentence(tmp_path: Path) -> None:
    page = render(outcome(tmp_path, starter=False), tmp_path)
    read(page)
    assert page.count("This platform has no starter checkpoint") == 1
    assert "from words. Beside" not in page
    assert "impasto generate" not in page


def test_words_cannot_become_markup(tmp_path: Path) -> None:
    section = drawn(outcome(tmp_path), tmp_path, 7)
    assert HOSTILE not in section
    assert "&lt;script&gt;" in section
