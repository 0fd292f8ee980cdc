"""What a preparation adds up."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from impasto.artworks import Artwork
from impasto.kinds.dataset_prepare import PrepareDataset, SplitRecipe
from impasto_preprocess.prepare.chunks import side_of, subject_of
from impasto_preprocess.prepare.manifest import manifest_of
from impasto_preprocess.prepare.tally import Tally


def artwork(number: int, **fields: str) -> Artwork:
    identifier = f"art_{number:026d}"
    size = {"width": 1, "height": 1, "size_bytes": 1}
    return Artwork(id=identifier, sha256="0", media_type="image/png", created_at=datetime.now(UTC), **size, **fields)


def made(artworks: list[str], **changes: Any) -> dict[str, Any]:
    empty = {"refused": [], "changed": 0, "cut": 0, "tags": {}, "licences": {}, "labels": {"artist": {}, "medium": {}}}
    pixels = {"pixels": 4, "sums": [1020, 510, 0], "squares": [260100, 130050, 0]}
    return {**empty, **pixels, "artworks": artworks, **changes}


def test_a_subject_is_in_one_half_however_it_is_spelt() -> None:
    recipe = SplitRecipe(validation_fraction=0.5)
    for number in range(50):
        spellings = (f"Red Heart {number}", f"red heart {number}", f"RED HEART {number}")
        assert len({side_of(artwork(i, subject=subject), recipe) for i, subject in enumerate(spellings)}) == 1


def test_about_the_asked_for_share_of_subjects_is_held_back() -> None:
    sides = [side_of(artwork(n, subject=f"s{n}"), SplitRecipe(validation_fraction=0.2)) for n in range(1000)]
    assert 160 < sides.count("validation") < 240


def test_by_artwork_a_subject_may_be_in_both_halves() -> None:
    recipe = SplitRecipe(validation_fraction=0.5, by="artwork")
    assert len({side_of(artwork(number, subject="same"), recipe) for number in range(40)}) == 2


@pytest.mark.parametrize(
    ("fields", "subject"),
    [({"subject": "heart", "title": "No. 1"}, "heart"), ({"title": "No. 1"}, "No. 1"), ({}, f"art_{7:026d}")],
)
def test_a_work_without_a_subject_is_known_by_its_title_or_by_itself(fields: dict[str, str], subject: str) -> None:
    assert subject_of(artwork(7, **fields)) == subject


def test_all_refusals_are_counted_and_a_hundred_are_told() -> None:
    tally = Tally()
    for number in range(250):
        tally.refuse(f"art_{number:026d}", "image_truncated", "cut off")
    assert (tally.refused_count, len(tally.refused)) == (250, 100)


def test_chunks_add_up() -> None:
    tally = Tally()
    tally.add("train", made(["a", "b"], tags={"red": 2, "blue": 1}, labels={"artist": {"me": 2}, "medium": {}}))
    tally.add("validation", made(["c"], tags={"blue": 1}, cut=1))
    assert (tally.total, tally.samples["train"], tally.samples["validation"], tally.cut) == (3, 2, 1, 1)
    assert tally.labels["train"]["artist"] == {"me": 2}
    assert list(tally.top_tags()) == ["blue", "red"]
    assert tally.channels() == {"mean": [1.0, 0.5, 0.0], "deviation": [0.0, 0.5, 0.0]}


def test_a_manifest_does_not_depend_on_the_order_of_counting_or_on_the_name() -> None:
    first, second = Tally(), Tally()
    first.add("train", made(["a"], licences={"MIT": 1, "CC0-1.0": 1}))
    second.add("train", made(["a"], licences={"CC0-1.0": 1, "MIT": 1}))
    one = manifest_of(PrepareDataset(dataset="one"), first, "0" * 64, ["pretrained:x@1"])
    assert one == manifest_of(PrepareDataset(dataset="two"), second, "0" * 64, ["pretrained:x@1"])
    other = PrepareDataset(dataset="one", split=SplitRecipe(seed=1))
    assert one != manifest_of(other, first, "0" * 64, ["pretrained:x@1"])
