"""Which pictures are chosen, and what keeps near duplicates together."""

from __future__ import annotations

import pytest

from impasto_demo.subjects import caption_of, is_shown, key_of, pick, shared_names, subject_of


def test_hyphens_do_not_keep_hands_apart() -> None:
    assert key_of("alarm-clock") == key_of("alarmclock")
    names = {"a": ["alarm-clock", "owl"], "b": ["alarmclock", "fox"]}
    assert shared_names(names, ["a", "b"]) == {"alarm-clock": {"a": "alarm-clock", "b": "alarmclock"}}


def test_a_hand_that_need_not_have_drawn_it_is_listed_where_it_did() -> None:
    names = {"a": ["owl", "fox"], "b": ["owl", "fox"], "rare": ["fox"]}
    shared = shared_names(names, ["a", "b"])
    assert shared == {"owl": {"a": "owl", "b": "owl"}, "fox": {"a": "fox", "b": "fox", "rare": "fox"}}


@pytest.mark.parametrize("name", ["waving-hand-dark-skin-tone", "ok-button", "keycap-7", "up-arrow", "one-oclock"])
def test_signs_and_skin_tones_are_not_shown(name: str) -> None:
    assert not is_shown(name)


@pytest.mark.parametrize("name", ["red-heart", "notebook", "snowman-without-snow", "volcano"])
def test_drawings_are_shown(name: str) -> None:
    assert is_shown(name)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("man-walking", "woman-walking"),
        ("person-walking", "man-walking"),
        ("tiger", "tiger-face"),
        ("magnifying-glass-tilted-left", "magnifying-glass-tilted-right"),
        ("snowman", "snowman-without-snow"),
    ],
)
def test_variants_of_a_drawing_have_one_subject(one: str, other: str) -> None:
    assert subject_of(one) == subject_of(other)


def test_different_things_have_different_subjects() -> None:
    names = ["man", "woman", "red-heart", "blue-heart", "cat-face", "dog-face", "crying-face"]
    assert len({subject_of(name) for name in names}) == len(names)


def test_a_caption_is_words() -> None:
    assert caption_of("man-in-tuxedo") == "man in tuxedo"


def test_the_same_subjects_are_picked_whatever_their_order() -> None:
    names = [f"thing-{number}" for number in range(200)]
    picked = pick(names, 20, purpose="test")
    assert picked == pick(reversed(names), 20, purpose="test")
    assert picked == sorted(set(picked))
    assert picked != pick(names, 20, purpose="another")
    assert set(picked) < set(pick(names, 60, purpose="test"))
