"""`analyse.artwork` on the whole platform: data, sheet, neighbours, and the checkpoint it may name hands with."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from PIL import Image

from impasto.errors import Conflict
from impasto.kinds.analyse_artwork import AnalyseArtwork
from impasto.kinds.train_style_classifier import TrainStyleClassifier
from impasto.testing.stacks import Stack
from tests.asking import ask
from tests.hands import School, draw, school


@pytest.fixture
def here(platform: Stack, tmp_path: Path) -> School:
    return school(platform, tmp_path)


def test_a_picture_is_told_as_data_and_as_a_sheet(here: School) -> None:
    work = here.works[0, "dots"]
    result = here.stack.client().run(AnalyseArtwork(picture=work))
    assert result.style is None
    assert 0 <= result.nsfw < 0.5
    assert result.palette["swatches"]
    assert 0 <= result.composition["balance"] <= 1
    assert len(result.neighbours) == 5
    sheet = Image.open(io.BytesIO(ask(here.stack, "GET", f"/v1/artifacts/{result.sheet.sha256}").content))
    assert sheet.size == (1600, 1100)


def test_neighbours_are_other_works_nearest_first_and_of_the_same_hand(here: School) -> None:
    work = here.works[3, "boxes"]
    result = here.stack.client().run(AnalyseArtwork(picture=work, neighbours=8))
    found = [neighbour.artwork for neighbour in result.neighbours]
    similarities = [neighbour.similarity for neighbour in result.neighbours]
    assert len(set(found)) == 8
    assert work not in found
    assert similarities == sorted(similarities, reverse=True)
    assert all(-1 <= similarity <= 1 for similarity in similarities)
    assert result.neighbours[0].artist == "boxes"


def test_works_that_no_dataset_was_prepared_from_are_found_all_the_same(here: School, tmp_path: Path) -> None:
    ids = []
    for subject in (500, 501):
        draw(subject, "hatching", (300, 300)).save(tmp_path / f"{subject}.png")
        uploaded = here.stack.client().upload(tmp_path / f"{subject}.png").files[0].artwork
        assert uploaded is not None
        ids.append(uploaded.id)
    client = here.stack.client()
    assert ids[1] in {n.artwork for n in client.run(AnalyseArtwork(picture=ids[0], neighbours=20)).neighbours}
    assert ids[0] in {n.artwork for n in client.run(AnalyseArtwork(picture=ids[1], neighbours=20)).neighbours}


def test_a_measured_checkpoint_names_the_hand_with_confidence(here: School) -> None:
    assert here.measured.samples > 0
    params = AnalyseArtwork(picture=here.works[1, "dots"], checkpoint=here.learnt.checkpoint, neighbours=0)
    result = here.stack.client().run(params)
    assert result.style is not None
    assert result.style.label == "dots"
    assert result.style.confidence["dots"] > 0.5
    assert sum(result.style.confidence.values()) == pytest.approx(1, abs=1e-4)
    assert result.neighbours == []
    made = f"sha256:{result.sheet.sha256}"
    edges = here.stack.sql("SELECT source, relation FROM lineage_edges WHERE target = %s", [made])
    assert (here.learnt.checkpoint, "used_by") in edges
    assert (here.works[1, "dots"], "content_of") in edges


def test_a_checkpoint_that_is_not_measured_is_not_used_unless_asked_for(here: School) -> None:
    training = TrainStyleClassifier(dataset_version=here.dataset.dataset_version, flavor="tiny", epochs=1, seed=9)
    raw = here.stack.client().run(training).checkpoint
    params = {"picture": here.works[1, "dots"], "checkpoint": raw, "neighbours": 0}
    with pytest.raises(Conflict) as failure:
        here.stack.client().submit(AnalyseArtwork(**params))
    assert failure.value.code == "checkpoint_not_measured"
    allowed = here.stack.client().run(AnalyseArtwork(**params, allow_unmeasured=True))
    assert allowed.style is not None


def test_what_was_made_can_be_analysed_and_is_nobodys_neighbour(here: School) -> None:
    first = here.stack.client().run(AnalyseArtwork(picture=here.works[2, "dots"], neighbours=1))
    made = f"sha256:{first.sheet.sha256}"
    result = here.stack.client().run(AnalyseArtwork(picture=made, neighbours=3))
    assert len(result.neighbours) == 3
    edges = here.stack.sql(
        "SELECT source, relation FROM lineage_edges WHERE target = %s", [f"sha256:{result.sheet.sha256}"]
    )
    assert {source for source, relation in edges if relation == "neighbour_of"} == {
        n.artwork for n in result.neighbours
    }
    assert (made, "content_of") in edges
