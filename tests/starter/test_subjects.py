"""What is learnt, the words for it, and what is kept out."""

from __future__ import annotations

import pytest

from impasto_starter.hands import STYLE_NAMES, STYLES
from impasto_starter.subjects import captions_for, held_out_style, names_a_colour, pick_names, words_for
from tests.starter.drawings import BODIES, CATEGORIES


def test_drawings_of_the_whole_categories_are_picked_in_order_and_others_only_if_they_are_listed() -> None:
    names = pick_names(CATEGORIES, set(BODIES))
    assert names == sorted(set(BODIES) - {"no-such-place"})


def test_only_what_every_set_draws_is_picked() -> None:
    assert "fox" not in pick_names(CATEGORIES, set(BODIES) - {"fox"})


def test_about_one_drawing_in_seven_is_held_out_in_one_style() -> None:
    names = [f"drawing-{number}" for number in range(2000)]
    held_out = [style for name in names if (style := held_out_style(name))]
    assert 1 / 9 < len(held_out) / len(names) < 1 / 5
    shares = [held_out.count(style) / len(held_out) for style in STYLE_NAMES]
    assert sum(shares) == pytest.approx(1)
    assert min(shares) > 0.15


def test_what_is_held_out_stays_so() -> None:
    """Another choice would measure the starter on what it learnt."""
    assert {name: style for name in BODIES if (style := held_out_style(name))} == {"green-apple": "flat"}


@pytest.mark.parametrize(
    ("name", "words"),
    [("red-heart", "red heart"), ("fox", "fox"), ("high-voltage", "lightning bolt"), ("game-die", "dice")],
)
def test_names_become_what_one_would_say(name: str, words: str) -> None:
    assert words_for(name) == words


def test_a_thing_is_asked_for_with_and_without_its_style() -> None:
    assert captions_for("fox", "flat") == ("fox", "fox", "a fox", "a fox, flat", "fox, flat style")
    assert captions_for("owl", "ink")[2:] == ("an owl", "an owl, ink", "owl, ink style")


def test_a_colour_comes_in_front_unless_the_words_say_one() -> None:
    assert captions_for("fox", "flat", "orange")[:2] == ("orange fox", "an orange fox")
    assert all("purple" not in caption for caption in captions_for("red heart", "flat", "purple"))
    assert names_a_colour("green apple")
    assert not names_a_colour("redwood tree")


def test_every_style_has_a_set_of_its_own_under_a_permissive_licence() -> None:
    assert len({style.package for style in STYLES}) == len(STYLE_NAMES) == 4
    assert {style.licence for style in STYLES} <= {"MIT", "Apache-2.0"}
    assert all(style.version.count(".") == 2 for style in STYLES)
