"""Caption cleaning reports what it did; the split keeps subjects together."""

import pytest

from impasto_ml.data.captions import clean_caption
from impasto_ml.data.split import split_of


@pytest.mark.parametrize(
    ("raw", "text", "changes"),
    [
        ("a red heart", "a red heart", ()),
        ("CafÃ© terrace", "Café terrace", ("encoding_repaired",)),
        ("Cafe\u0301", "Café", ("unicode_composed",)),
        ("  two \n\t ships  ", "two ships", ("whitespace_collapsed",)),
        ("“Sunflowers” – 向日葵", "“Sunflowers” – 向日葵", ()),
        ("", "", ()),
    ],
)
def test_a_caption_is_repaired_and_the_repair_named(raw: str, text: str, changes: tuple[str, ...]) -> None:
    cleaned = clean_caption(raw)
    assert (cleaned.text, cleaned.changes) == (text, changes)
    assert clean_caption(cleaned.text).changes == ()


def test_the_split_is_the_same_everywhere() -> None:
    # Fixed answers: a change of the hash would silently mix validation into training.
    assert [n for n in range(12) if split_of(f"subject {n}", 7, 0.25) == "validation"] == [2, 5, 6, 8]
    sides = [split_of(f"subject {n}", 1, 0.2) for n in range(4000)]
    assert 0.18 < sides.count("validation") / 4000 < 0.22
    assert sides != [split_of(f"subject {n}", 2, 0.2) for n in range(4000)]


def test_a_larger_fraction_only_moves_subjects_one_way() -> None:
    names = [f"subject {n}" for n in range(500)]
    few = {name for name in names if split_of(name, 3, 0.1) == "validation"}
    many = {name for name in names if split_of(name, 3, 0.3) == "validation"}
    assert few < many


def test_the_ends_of_the_range_mean_all_and_nothing() -> None:
    assert {split_of(str(n), 0, 0.0) for n in range(50)} == {"train"}
    assert {split_of(str(n), 0, 1.0) for n in range(50)} == {"validation"}
    with pytest.raises(ValueError, match="fraction"):
        split_of("a", 0, 1.5)
