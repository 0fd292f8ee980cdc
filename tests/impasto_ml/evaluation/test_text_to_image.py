"""Each measure of models that draw, on drawers whose worth is known."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from impasto_ml.data.scenes import MANNERS, Scene, draw, every_scene
from impasto_ml.data.shards import Sample
from impasto_ml.encoders.picture import PictureEncoder
from impasto_ml.evaluation import text_to_image_comparing
from impasto_ml.evaluation.kid import LEAST_PICTURES
from impasto_ml.evaluation.text_to_image import Asked, Evaluated, Hand, StyleJudge, Works, evaluate
from impasto_ml.evaluation.text_to_image_measures import spread
from impasto_ml.evaluation.text_to_image_prompts import ask_captions, ask_scenes
from impasto_ml.families.style_classifier import StyleClassifier
from impasto_ml.training.feature_table import collect
from impasto_ml.training.style_classifier import TrainingOptions, train
from tests.impasto_ml.evaluation.drawers import KnownDrawer, always_flat, by_heart, faithful, fickle

_CAPTIONS = ("a red circle on the left", "a blue star at the top", "a green heart in the centre")


@dataclass
class Gallery:
    """Works in four manners: some learnt from, some held out, and a judge of manners that learnt from the former."""

    encoder: PictureEncoder
    learnt: list[Sample]
    held_out: list[Sample]
    judge: StyleClassifier

    @property
    def works(self) -> Works:
        return Works(lambda: iter(self.held_out), lambda: iter(self.learnt))

    def measure(self, drawer: KnownDrawer, seeds: int = 2, scenes: int = 2) -> Evaluated:
        captions = ask_captions(_CAPTIONS, MANNERS, seeds, 3)
        asked = ask_scenes(MANNERS, 1, scenes)
        return evaluate(
            Hand(drawer, steps=2), captions, asked, self.encoder, "lite0", StyleJudge(self.judge), self.works
        )


def _sample(scene: Scene, number: int) -> Sample:
    buffer = io.BytesIO()
    draw(scene, 64, 90_000 + number).save(buffer, "PNG")
    record = {"artwork": f"art-{number:03}", "style": scene.manner, "subject": scene.prompt, "caption": scene.prompt}
    return Sample(f"s{number:03}", buffer.getvalue(), "png", record)


def _scenes(first: int, count: int) -> Iterator[Scene]:
    """Every so many, so that all colours, shapes and places come, each in its four manners."""
    subjects = islice(every_scene(), first * 4, None, 4 * 29)
    for subject in islice(subjects, count):
        yield from (Scene(subject.colour, subject.shape, subject.place, manner) for manner in MANNERS)


@pytest.fixture(scope="module")
def gallery(models_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Gallery:
    encoder = PictureEncoder.load(models_folder)
    samples = [_sample(scene, number) for number, scene in enumerate([*_scenes(0, 14), *_scenes(13, 7)])]
    pictures = [Image.open(io.BytesIO(sample.picture)) for sample in samples]
    vectors = encoder.encode(pictures, 1).vectors()
    featured = [Sample(s.key, s.picture, s.format, s.record, v) for s, v in zip(samples, vectors, strict=True)]
    learnt, held_out = featured[:56], featured[56:]
    table = collect(learnt, tmp_path_factory.mktemp("table"))
    *_, last = train(table, TrainingOptions("tiny", steps=120, batch=64))
    assert last.classifier is not None
    return Gallery(encoder, learnt, held_out, last.classifier)


def test_a_drawer_that_does_what_is_asked_is_told_so(gallery: Gallery) -> None:
    drawer = faithful()
    found = gallery.measure(drawer, scenes=6).measured
    assert found.style is not None
    assert found.style.real is not None
    assert found.style.drawn.value >= 0.95
    assert found.style.real.value >= 0.95
    assert set(found.style.by_style) == set(MANNERS) == set(found.styles)
    for scenes in (found.scenes_held_out, found.scenes_seen):
        assert scenes is not None
        assert scenes.every is not None
        assert (scenes.shape.value, scenes.place.value, scenes.every.value) == (1.0, 1.0, 1.0)
        assert scenes.shape.count == 12
        assert scenes.every.count == 9, "ink has no colours"
    assert (found.stability.again, found.stability.alone, found.stability.requests) == (0, 0, 8)
    assert found.drawn == 3 * 4 * 2 + 6 * 4
    assert max(drawer.widths) == 16


def test_one_that_does_not_hear_the_style_agrees_by_chance_alone(gallery: Gallery) -> None:
    found = gallery.measure(always_flat()).measured
    assert found.style is not None
    assert 0.2 <= found.style.drawn.value <= 0.35
    assert found.style.by_style["flat"].value >= 0.95
    assert found.style.by_style["ink"].value == 0
    assert found.style.drawn.high < found.style.real.low if found.style.real else False


def test_one_that_returns_works_copies_always_and_is_shown(gallery: Gallery) -> None:
    works = [Image.open(io.BytesIO(sample.picture)).convert("RGB") for sample in gallery.learnt]
    found = gallery.measure(by_heart(works))
    copied = found.measured.copying
    assert copied is not None
    assert copied.copy_rate is not None
    assert copied.copy_rate.value == 1.0
    assert copied.largest == pytest.approx(1, abs=1e-3)
    assert copied.works == len(gallery.learnt) == found.measured.learnt_works
    assert {pair.work for pair in copied.worst} <= {sample.record["artwork"] for sample in gallery.learnt}
    assert found.copies is not None
    left, right = (found.copies.crop((x, 28, x + 128, 156)) for x in (210, 346))
    assert np.abs(np.asarray(left, np.int16) - np.asarray(right, np.int16)).max() <= 1


def test_one_that_draws_anew_does_not(gallery: Gallery) -> None:
    copied = gallery.measure(fickle()).measured.copying
    assert copied is not None
    assert copied.copy_rate is not None
    assert copied.copy_rate.value == 0


def test_works_are_nearer_to_works_than_plain_squares_are(gallery: Gallery) -> None:
    texts = list(dict.fromkeys(scene.prompt for scene in islice(every_scene(), 3, None, 4 * 31)))[:12]
    assert len(texts) == 12
    asked = ask_captions(texts, MANNERS, 1, 12)
    near, far = (
        evaluate(Hand(drawer, 1), asked, [], gallery.encoder, "lite0", works=gallery.works).measured.kid
        for drawer in (faithful(), fickle())
    )
    assert near is not None
    assert far is not None
    assert near.high < far.low


def test_the_distance_to_works_is_that_of_prompts_so_pictures_of_a_single_one_have_none(gallery: Gallery) -> None:
    one, two = (
        evaluate(
            Hand(faithful(), 1), ask_captions(texts, MANNERS, 2, 2), [], gallery.encoder, "lite0", works=gallery.works
        ).measured
        for texts in (_CAPTIONS[:1], _CAPTIONS[:2])
    )
    assert (one.drawn, one.kid) == (LEAST_PICTURES, None)
    assert two.kid is not None
    assert two.kid.count == 16


@pytest.mark.parametrize("own_encoder", [False, True])
def test_no_more_held_out_works_are_looked_at_or_judged_than_are_kept(
    gallery: Gallery, monkeypatch: pytest.MonkeyPatch, own_encoder: bool
) -> None:
    monkeypatch.setattr(text_to_image_comparing, "MOST_HELD_OUT", 6)
    judge = StyleJudge(gallery.judge, gallery.encoder if own_encoder else None)
    found = text_to_image_comparing.look_at_held_out(gallery.works, gallery.encoder, judge, 64)
    assert (len(found.rows), len(found.truth)) == (6, 6)
    assert len(gallery.held_out) > 6


def test_one_that_never_draws_the_same_twice_is_found_out(gallery: Gallery) -> None:
    assert gallery.measure(fickle()).measured.stability.again > 0


def test_the_sheet_has_a_row_a_prompt_and_a_column_a_style(gallery: Gallery) -> None:
    sheet = gallery.measure(faithful(), seeds=1).sheet
    assert sheet.size == (210 + 4 * 136, 28 + 5 * 136)
    for row, column in ((0, 0), (4, 3)):
        cell = sheet.crop((210 + column * 136, 28 + row * 136, 338 + column * 136, 156 + row * 136))
        assert np.asarray(cell).std() > 0


def test_works_are_looked_at_in_the_size_that_is_drawn(gallery: Gallery) -> None:
    """A work stored large counts as the copy that it is, although its stored vector knows of details."""
    scene = Scene("red", "star", "in the centre", "painted")
    buffer = io.BytesIO()
    draw(scene, 448, 1).save(buffer, "PNG")
    strange = np.ones(1958, np.float16)
    large = Sample("large", buffer.getvalue(), "png", {"artwork": "large", "style": "painted"}, strange)
    drawer = KnownDrawer(lambda _: Image.open(io.BytesIO(buffer.getvalue())).resize((64, 64), Image.Resampling.LANCZOS))
    works = Works(lambda: iter(gallery.held_out), lambda: iter([*gallery.learnt, large]))
    found = evaluate(Hand(drawer, 1), ask_captions(_CAPTIONS, (), 1, 3), [], gallery.encoder, "lite0", works=works)
    assert found.measured.copying is not None
    assert found.measured.copying.worst[0].work == "large"
    assert found.measured.copying.largest > 0.98


def test_without_works_and_judge_scenes_are_still_read(gallery: Gallery) -> None:
    found = evaluate(Hand(faithful(), 1), [], ask_scenes((), 2, 4), gallery.encoder, "lite0")
    measured = found.measured
    assert (measured.style, measured.kid, measured.copying, found.copies) == (None, None, None, None)
    assert measured.scenes_seen is not None
    assert measured.scenes_seen.shape.value == 1
    assert measured.spread.seeds is not None
    assert measured.spread.prompts is not None
    assert measured.spread.seeds.value < measured.spread.prompts.value


def test_nothing_asked_and_unknown_styles_are_refused(gallery: Gallery) -> None:
    with pytest.raises(ValueError, match="nothing is asked"):
        evaluate(Hand(faithful()), [], [], gallery.encoder, "lite0")
    with pytest.raises(ValueError, match="no style"):
        evaluate(Hand(faithful()), [Asked("a red star", "etched", 0)], [], gallery.encoder, "lite0")


def test_spread_by_hand() -> None:
    asked = [Asked(prompt, "flat", seed) for prompt in ("a", "b") for seed in (0, 1)]
    rows = np.array([[1, 0, 0], [0, 1, 0], [0, 0, 2], [0, 0, 5]], dtype=np.float32)
    found = spread(asked, rows)
    assert found.seeds is not None
    assert found.prompts is not None
    assert found.seeds.value == pytest.approx((1 + 1 + 0 + 0) / 4)
    assert found.prompts.value == pytest.approx(1)
    assert spread(asked[::2], rows[::2]).seeds is None


def test_half_of_the_scenes_are_held_out_and_captions_come_once() -> None:
    scenes = ask_scenes(MANNERS, 2, 10)
    assert len(scenes) == 10 * 4 * 2
    assert sum(one.scene.held_out for one in scenes if one.scene) == 5 * 4 * 2
    captions = ask_captions(["a fox", " a fox ", "", "a cat"], (), 3, 10, first_seed=7)
    assert sorted({one.prompt for one in captions}) == ["a cat", "a fox"]
    assert [one.seed for one in captions[:3]] == [7, 8, 9]
    assert ask_captions(map(str, range(50)), (), 1, 5) == ask_captions(map(str, reversed(range(50))), (), 1, 5)


def test_however_many_are_wanted_the_number_of_pictures_is_bounded() -> None:
    styles = [f"style {number}" for number in range(64)]
    assert len(ask_captions(map(str, range(1000)), styles, 16, 500)) <= 20_000
    assert len(ask_scenes(styles, 16, 500)) <= 20_000
