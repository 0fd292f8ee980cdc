"""Pictures from packages: planned, drawn once, with what is said of them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image

from impasto.artworks import ArtworkMetadata
from impasto_demo import drawing
from impasto_demo.hands import HANDS, STRANGER
from impasto_demo.size import Drawing, Size

LESSON = Drawing(steps=10, sample_every=10, captions=1, seeds=1)
SMALL = Size(
    "small",
    subjects=4,
    strangers=2,
    every_hand=True,
    validation_fraction=0.5,
    epochs=1,
    views=0,
    perturbed=50,
    perturbation_seeds=1,
    drawing=LESSON,
)
NAMES = ["owl", "fox", "rocket", "red-heart", "ok-button", "tiger", "snail", "bee"]
RED = '<rect width="8" height="16" fill="#c00"/>'


@pytest.fixture
def art(tmp_path: Path) -> Path:
    """The hands' packages as npm leaves them, with few pictures."""
    for hand in HANDS:
        folder = tmp_path / "art" / "node_modules" / hand.package
        folder.mkdir(parents=True)
        icons = {name: {"body": RED} for name in NAMES}
        (folder / "icons.json").write_text(json.dumps({"icons": icons, "width": 16, "height": 16}), "utf-8")
    return tmp_path / "art"


def test_each_trained_hand_draws_the_same_subjects(art: Path, tmp_path: Path) -> None:
    pictures = drawing.plan(SMALL, art, tmp_path / "pictures")
    by_hand = {hand: {p.name for p in pictures if p.hand is hand} for hand in HANDS}
    known = [by_hand[hand] for hand in HANDS if hand.trained]
    assert len(known[0]) == 4
    assert all(names == known[0] for names in known)
    assert len(by_hand[STRANGER]) == 2


def test_the_kept_out_drawing_and_signs_are_in_no_plan(art: Path, tmp_path: Path) -> None:
    everything = Size("all", 100, 100, True, 0.5, 1, 0, 50, 1, LESSON)
    names = {picture.name for picture in drawing.plan(everything, art, tmp_path)}
    assert names == set(NAMES) - {drawing.KEPT_OUT, "ok-button"}


def test_file_names_are_unique_though_hands_share_subjects(art: Path, tmp_path: Path) -> None:
    pictures = drawing.plan(SMALL, art, tmp_path)
    assert len({picture.path.name for picture in pictures}) == len(pictures)


def test_what_is_said_of_a_picture_is_what_an_upload_takes(art: Path, tmp_path: Path) -> None:
    fields = drawing.plan(SMALL, art, tmp_path)[0].fields()
    assert fields.pop("file_name")
    metadata = ArtworkMetadata.model_validate(fields)
    assert metadata.licence == "Apache-2.0"
    assert "@iconify-json/noto@" in metadata.provenance


def test_pictures_are_drawn_once_and_stale_ones_go(art: Path, tmp_path: Path) -> None:
    folder = tmp_path / "pictures"
    pictures = drawing.plan(SMALL, art, folder)
    told: list[int] = []
    drawing.draw(pictures, folder, told.append)
    assert told[0] == 0
    assert told[-1] == len(pictures)
    with Image.open(pictures[0].path) as opened:
        assert opened.size == (drawing.SIDE_PX, drawing.SIDE_PX)
        assert opened.convert("RGB").getpixel((10, 80)) == (204, 0, 0)
        assert opened.convert("RGB").getpixel((150, 80)) == (255, 255, 255)
    written = pictures[0].path.stat().st_mtime_ns
    (folder / "left-over.png").write_bytes(b"from an earlier size")
    drawing.draw(pictures, folder, told.append)
    assert pictures[0].path.stat().st_mtime_ns == written
    assert {path.name for path in folder.glob("*.png")} == {picture.path.name for picture in pictures}


def test_captions_lie_beside_the_pictures(art: Path, tmp_path: Path) -> None:
    folder = tmp_path / "pictures"
    pictures = drawing.plan(SMALL, art, folder)
    drawing.draw(pictures, folder, lambda done: None)
    lines = [json.loads(line) for line in (folder / "captions.jsonl").read_text("utf-8").splitlines()]
    assert [line["file_name"] for line in lines] == [picture.path.name for picture in pictures]
