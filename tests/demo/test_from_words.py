"""Drawing from words on a real platform: before, learning, after, measured; and a platform that has no starter."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from PIL import Image
from rich.console import Console

from impasto.testing.stacks import Stack
from impasto_demo.board import Board
from impasto_demo.following import Following
from impasto_demo.from_words import PROMPTS, TITLES, FromWordsLesson
from impasto_demo.from_words_facts import places_of, starter_of
from impasto_demo.size import Drawing
from tests.hands import HANDS, SUBJECTS, school


@pytest.mark.timeout(600)
def test_the_starter_learns_the_hands_and_is_asked_again(platform: Stack, tmp_path: Path) -> None:
    here = school(platform, tmp_path)
    client = platform.client()
    following = Following(Board(Console(file=io.StringIO())))
    lesson = FromWordsLesson(client, following, Drawing(10, 10, 1, 1), tmp_path)
    starter = starter_of(client)
    assert starter
    lesson.begin(starter)
    lesson.learn(here.dataset)
    assert here.measured
    lesson.ask_again(here.learnt.checkpoint)
    told = lesson.collect()
    following.close()
    assert told.before.styles == starter.config["config"]["styles"]
    assert told.after.styles == list(HANDS)
    for grid in (told.before, told.after):
        assert [len(row) for row in grid.paths] == [len(grid.styles)] * len(PROMPTS)
        with Image.open(tmp_path / grid.paths[-1][-1]) as picture:
            assert picture.width == grid.result.pictures[-1].width
    assert [step for step, _ in told.loss] == list(range(1, 11))
    assert [sample.step for sample in told.samples] == [10]
    assert told.evaluation.style
    assert set(told.places.values()) == {""}
    assert set(here.works.values()) & {node.id for node in told.trace.nodes}
    assert {times.title for times in following.timelines} == set(TITLES)


def test_each_subject_is_in_one_half_of_the_dataset(platform: Stack, tmp_path: Path) -> None:
    here = school(platform, tmp_path)
    places = places_of(platform.client(), here.dataset.manifest_sha256)
    assert len(places) == SUBJECTS
    assert set(places.values()) == {"train", "validation"}


def test_a_platform_without_a_starter_has_none(stack: Stack, tmp_path: Path) -> None:
    # The library that computes, as it is where the starter was not installed: found first, and empty.
    bare = tmp_path / "bare" / "impasto_ml"
    bare.mkdir(parents=True)
    (bare / "__init__.py").touch()
    stack.environment["PYTHONPATH"] = str(bare.parent)
    stack.start_gateway()
    assert starter_of(stack.client()) is None
