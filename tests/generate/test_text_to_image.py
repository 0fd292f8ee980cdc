"""`generate.text_to_image` on the whole platform, with a network that hardly learnt anything."""

from __future__ import annotations

import io
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from impasto.errors import InvalidInput, JobFailed
from impasto.identifiers import new_id
from impasto.kinds.generate_text_to_image import GeneratedTextToImage, GenerateTextToImage
from impasto.kinds.train_text_to_image import TrainTextToImage
from impasto.testing.processes import eventually
from impasto.testing.stacks import Stack
from impasto_ml.data.squares import to_array
from tests.asking import ask, ended, look, submit
from tests.hands import School, school

STYLES = ["hatching", "boxes"]
PROMPTS = ["scene 1", "a red heart"]
SEEDS = [3, 1]


@dataclass
class Studio:
    """A checkpoint that nobody measured, and a grid that it drew."""

    school: School
    checkpoint: str
    drawn: GeneratedTextToImage
    lines: dict[tuple[int, int, str | None], str]

    @property
    def stack(self) -> Stack:
        return self.school.stack

    def params(self, **changes: Any) -> dict[str, Any]:
        values = {"checkpoint": self.checkpoint, "prompts": PROMPTS[:1], "steps": 2, "allow_unmeasured": True}
        return values | changes

    def draw(self, **changes: Any) -> GeneratedTextToImage:
        result: GeneratedTextToImage = self.stack.client().run(GenerateTextToImage(**self.params(**changes)))
        return result

    def post(self, tenant: str = "first", **changes: Any) -> Any:
        """The answer to a submission below the SDK."""
        body = {"kind": "generate.text_to_image", "params": self.params(**changes)}
        return ask(self.stack, "POST", "/v1/jobs", tenant=tenant, json=body)

    def picture(self, sha256: str) -> Image.Image:
        answer = ask(self.stack, "GET", f"/v1/artifacts/{sha256}")
        assert answer.headers["content-type"] == "image/png"
        return Image.open(io.BytesIO(answer.content)).convert("RGB")


_STUDIOS: dict[str, Studio] = {}


@pytest.fixture
def studio(platform: Stack, tmp_path: Path) -> Studio:
    if platform.url not in _STUDIOS:
        here = school(platform, tmp_path)
        learnt = platform.client().run(
            TrainTextToImage(
                dataset_version=here.dataset.dataset_version,
                base=None,
                flavor="tiny",
                steps=30,
                batch_size=4,
                learning_rate=3e-3,
                sample_every=1000,
                sample_prompts=["scene 1"],
                name="hardly",
            )
        )
        made = Studio(here, learnt.checkpoint, GeneratedTextToImage.model_construct(), {})
        made.drawn = made.draw(prompts=PROMPTS, styles=STYLES, seeds=SEEDS, guidance=4.0)
        made.lines = {(p.prompt, p.seed, p.style): p.artifact.sha256 for p in made.drawn.pictures}
        _STUDIOS[platform.url] = made
    return _STUDIOS[platform.url]


def test_pictures_come_by_prompt_then_seed_then_style(studio: Studio) -> None:
    told = [(picture.prompt, picture.seed, picture.style) for picture in studio.drawn.pictures]
    assert told == list(product(range(2), SEEDS, STYLES))
    assert {(picture.width, picture.height) for picture in studio.drawn.pictures} == {(32, 32)}
    assert len(set(studio.lines.values())) == 8


def test_the_grid_has_a_row_for_each_prompt_and_seed_and_a_column_for_each_style(studio: Studio) -> None:
    assert studio.drawn.grid is not None
    grid = np.asarray(studio.picture(studio.drawn.grid.sha256))
    cell = 32 + 4
    assert grid.shape == (4 * cell - 4, 2 * cell - 4, 3)
    for number, picture in enumerate(studio.drawn.pictures):
        row, column = divmod(number, 2)
        shown = grid[row * cell : row * cell + 32, column * cell : column * cell + 32]
        assert np.array_equal(shown, np.asarray(studio.picture(picture.artifact.sha256)))


def test_one_picture_and_no_grid_asked_for_make_none(studio: Studio) -> None:
    assert studio.draw().grid is None
    assert studio.draw(seeds=[1, 2], grid=False).grid is None


def test_the_same_seed_draws_the_same_picture_in_another_job(studio: Studio) -> None:
    again = studio.draw(prompts=PROMPTS[1:], styles=STYLES[:1], seeds=SEEDS[:1], guidance=4.0)
    (picture,) = again.pictures
    first = np.asarray(studio.picture(studio.lines[1, SEEDS[0], STYLES[0]])).astype(int)
    assert np.abs(np.asarray(studio.picture(picture.artifact.sha256)) - first).mean() < 1
    twice = studio.draw(prompts=PROMPTS[1:], styles=STYLES[:1], seeds=SEEDS[:1], guidance=4.0)
    assert twice.pictures[0].artifact == picture.artifact


def test_without_styles_it_is_drawn_as_the_words_say(studio: Studio) -> None:
    (picture,) = studio.draw().pictures
    assert picture.style is None


def test_a_style_that_it_does_not_know_fails_and_names_those_that_it_does(studio: Studio) -> None:
    with pytest.raises(JobFailed) as failure:
        studio.draw(styles=["dots", "cubist"])
    assert failure.value.code == "value_invalid"
    assert "'cubist'" in failure.value.message
    assert failure.value.data["limit"] == ["boxes", "dots", "hatching"]
    assert failure.value.data["field"] == "params.styles"


@pytest.mark.parametrize("asked", ["size", "adapters"])
def test_what_the_family_cannot_do_is_refused_and_not_left_out(studio: Studio, asked: str) -> None:
    changes = {"size": {"width": 64, "height": 64}, "adapters": {"adapters": [{"checkpoint": studio.checkpoint}]}}
    with pytest.raises(JobFailed) as failure:
        studio.draw(**changes[asked])
    assert failure.value.code == "value_invalid"


def test_a_drawing_starts_from_an_artwork_and_stays_near_it_with_little_strength(studio: Studio) -> None:
    """Drawn by the starter: what hardly learnt anything predicts grey, however little noise there is."""
    artwork = next(iter(studio.school.works.values()))
    ids = {"picture": artwork, "prompts": ["scene"], "checkpoint": "starter", "steps": 10}
    drawn = [studio.draw(strength=strength, **ids).pictures[0].artifact.sha256 for strength in (0.2, 0.6, 1.0)]
    given = _squared(studio, artwork, side_px=64)
    away = [np.abs(np.asarray(studio.picture(digest)) - given).mean() for digest in drawn]
    assert away[0] < 0.5 * away[2]
    assert away[0] < away[1] < away[2]


def test_lineage_tells_the_artwork_that_a_drawing_began_from(studio: Studio) -> None:
    artwork = next(iter(studio.school.works.values()))
    (picture,) = studio.draw(picture=artwork, strength=0.5).pictures
    edges = studio.stack.sql(
        "SELECT source, relation FROM lineage_edges WHERE target = %s", [f"sha256:{picture.artifact.sha256}"]
    )
    assert set(edges) == {(artwork, "content_of"), (studio.checkpoint, "used_by")}


def test_a_drawing_can_start_from_one_that_was_drawn(studio: Studio) -> None:
    first = studio.drawn.pictures[0].artifact.sha256
    (picture,) = studio.draw(picture=f"sha256:{first}", strength=0.5).pictures
    assert picture.artifact.sha256 != first


def test_what_is_no_picture_cannot_be_started_from(studio: Studio) -> None:
    manifest = f"sha256:{studio.school.dataset.manifest_sha256}"
    with pytest.raises(InvalidInput) as failure:
        studio.draw(picture=manifest)
    assert failure.value.code == "image_unrecognised"


def test_lineage_leads_from_the_picture_through_the_checkpoint_to_the_works(studio: Studio) -> None:
    digest = studio.drawn.pictures[0].artifact.sha256
    graph = studio.stack.client().lineage(f"sha256:{digest}")
    nodes = {node.id for node in graph.nodes}
    assert {studio.checkpoint, studio.school.dataset.dataset_version} <= nodes
    assert set(studio.school.works.values()) & nodes


def test_an_unmeasured_checkpoint_is_409_unless_that_is_allowed(studio: Studio) -> None:
    answer = studio.post(allow_unmeasured=False)
    assert (answer.status_code, answer.json()["code"]) == (409, "checkpoint_not_measured")
    assert studio.post().status_code == 202


def test_whether_a_checkpoint_is_measured_is_looked_at_again_when_the_job_begins(studio: Studio) -> None:
    first = studio.post(styles=["nobody's"]).json()["id"]
    assert ended(studio.stack, first)["error"]["code"] == "value_invalid"
    studio.stack.sql("""UPDATE jobs SET params = params || '{"allow_unmeasured": false}' WHERE id = %s""", [first])
    again = studio.stack.client().jobs.retry(first)
    error = ended(studio.stack, again.id)["error"]
    assert (error["code"], error["field"]) == ("checkpoint_not_measured", "params.checkpoint")


def test_another_tenants_checkpoint_and_picture_are_not_there(studio: Studio) -> None:
    answer = studio.post(tenant="second")
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    artwork = next(iter(studio.school.works.values()))
    assert studio.post(tenant="second", checkpoint="starter", picture=artwork).status_code == 404
    assert studio.post(checkpoint=new_id("ckp")).status_code == 404


def test_a_checkpoint_that_does_not_draw_is_refused(studio: Studio) -> None:
    with pytest.raises(JobFailed) as failure:
        studio.draw(checkpoint=studio.school.learnt.checkpoint)
    assert failure.value.code == "model_incompatible"


def test_a_drawing_is_canceled_while_it_is_drawn_and_the_next_is_drawn(studio: Studio) -> None:
    params = studio.params(prompts=["a b c"], seeds=list(range(64)), steps=200, guidance=3.0)
    job = submit(studio.stack, "generate.text_to_image", params)["id"]
    eventually(lambda: (look(studio.stack, job)["progress"] or {}).get("fraction"), "it draws")
    assert ask(studio.stack, "POST", f"/v1/jobs/{job}/cancel").status_code in (200, 202)
    done = ended(studio.stack, job)
    assert (done["state"], done["result"]) == ("canceled", None)
    assert len(studio.draw().pictures) == 1


@pytest.mark.parametrize(
    "prompt",
    ["", "  \n ", "a\0b", "a\x1bb", "x" * 1001, "\ufffe", "\ue000"],
    ids=["empty", "blank", "nul", "escape", "too long", "no character", "private use"],
)
def test_a_prompt_that_is_none_is_422_with_its_place(studio: Studio, prompt: str) -> None:
    answer = studio.post(prompts=["a fox", prompt])
    assert (answer.status_code, answer.json()["code"]) == (422, "prompt_invalid"), answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert "prompts" in answer.text
    assert prompt.strip() == "" or prompt not in answer.text


@pytest.mark.parametrize("place", ["prompts", "styles", "negative_prompt"])
@pytest.mark.parametrize("text", ["\\ud800", "a\\u0000b"], ids=["lone surrogate", "nul"])
def test_text_that_no_store_takes_is_422_wherever_it_stands(studio: Studio, place: str, text: str) -> None:
    body = f'{{"kind": "generate.text_to_image", "params": {{"prompts": ["a"], "{place}": '
    body += f'"{text}"}}}}' if place == "negative_prompt" else f'["{text}"]}}}}'
    answer = ask(studio.stack, "POST", "/v1/jobs", content=body.encode(), headers={"Content-Type": "application/json"})
    assert answer.status_code == 422, answer.text
    if place == "prompts":
        assert answer.json()["code"] == "prompt_invalid"


def test_more_pictures_than_a_job_draws_are_422(studio: Studio) -> None:
    answer = studio.post(prompts=["a"] * 64, seeds=list(range(5)))
    assert answer.status_code == 422
    assert "320 pictures" in answer.text


def _squared(studio: Studio, artwork: str, side_px: int) -> Any:
    digest = ask(studio.stack, "GET", f"/v1/artworks/{artwork}").json()["sha256"]
    return to_array(studio.picture(digest), side_px).transpose(1, 2, 0).astype(int)
