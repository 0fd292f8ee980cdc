"""Lessons: every kind has its share, and what is measured is in none of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from impasto_ml.data.scenes import every_scene
from impasto_ml.training.captioned import Example
from impasto_starter import lessons as lessons_module
from impasto_starter.hands import STYLE_NAMES
from impasto_starter.lessons import Work, lessons, works
from impasto_starter.subjects import held_out_style, words_for
from tests.starter.drawings import BODIES

SIDE = 16
HELD_OUT_PROMPTS = {scene.prompt for scene in every_scene() if scene.held_out}


@pytest.fixture
def drawn(art: Path) -> list[Work]:
    return works(art, SIDE)


@pytest.fixture
def taught(drawn: list[Work], monkeypatch: pytest.MonkeyPatch) -> list[Example]:
    monkeypatch.setattr(lessons_module, "_SCENE_COPIES", 1)
    return list(lessons(drawn, SIDE))


def thing_of(example: Example) -> str | None:
    """Which drawing a lesson shows, by its words."""
    said = " ".join(example.captions)
    return next((name for name in sorted(BODIES, key=len, reverse=True) if f" {words_for(name)}" in f" {said}"), None)


def test_every_set_draws_every_subject(drawn: list[Work]) -> None:
    names = {work.name for work in drawn}
    assert names == set(BODIES) - {"no-such-place"}
    assert {(work.name, work.style) for work in drawn} == {(name, style) for name in names for style in STYLE_NAMES}
    assert all(work.picture.size == (SIDE, SIDE) and work.picture.mode == "RGB" for work in drawn)


def test_held_out_pairs_are_in_no_lesson_nor_recoloured(drawn: list[Work], taught: list[Example]) -> None:
    held_out = {(work.name, work.style) for work in drawn if work.held_out}
    assert held_out, "the art of this test has held-out pairs"
    shown = {(thing_of(example), example.style) for example in taught}
    assert not held_out & shown
    assert {(work.name, work.style) for work in drawn if not work.held_out} <= shown


def test_a_drawing_that_is_held_out_in_one_style_is_taught_in_the_others(taught: list[Example]) -> None:
    name = next(name for name in BODIES if held_out_style(name))
    styles = {example.style for example in taught if thing_of(example) == name}
    assert styles == set(STYLE_NAMES) - {held_out_style(name)}


def test_held_out_scenes_are_in_no_lesson(taught: list[Example]) -> None:
    said = {caption for example in taught for caption in example.captions}
    assert not said & HELD_OUT_PROMPTS
    assert not any(caption.startswith(f"{prompt},") for caption in said for prompt in HELD_OUT_PROMPTS)
    assert {scene.prompt for scene in every_scene() if not scene.held_out} <= said


def test_each_kind_has_its_share_of_a_batch(taught: list[Example]) -> None:
    assert sum(example.weight for example in taught) == pytest.approx(1)
    scenes = [e for e in taught if thing_of(e) is None]
    assert sum(example.weight for example in scenes) == pytest.approx(0.25)


def test_copies_in_other_colours_are_said_to_have_them(taught: list[Example]) -> None:
    purple = [e for e in taught if thing_of(e) == "frog" and "purple frog" in e.captions]
    assert purple
    for example in purple:
        assert not {"frog", "a frog"} & set(example.captions)
        red, green, blue = np.asarray(example.picture).reshape(-1, 3)[SIDE * 8 + 8].astype(int)
        assert green < min(red, blue)


def test_ink_and_things_called_by_a_colour_have_no_copies(taught: list[Example]) -> None:
    assert sum(thing_of(e) == "green-apple" and e.style == "flat" for e in taught) <= 1
    assert all("purple" not in caption for e in taught if e.style == "ink" and thing_of(e) for caption in e.captions)


def test_every_lesson_is_a_picture_of_the_size_with_something_said_of_it(taught: list[Example]) -> None:
    for example in taught:
        assert isinstance(example.picture, Image.Image)
        assert example.picture.size == (SIDE, SIDE)
        assert all(example.captions)
        assert example.style in STYLE_NAMES
