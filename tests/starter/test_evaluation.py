"""The starter's judge: it learns from varied views, bears a grain, and must be good enough to judge."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Sequence
from functools import partial
from itertools import count, islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from impasto.artifacts import digest_of
from impasto_ml.data.scenes import Scene, draw, every_scene
from impasto_ml.data.shards import Sample
from impasto_ml.encoders.picture import PictureEncoder, PictureFeatures
from impasto_ml.families.flowmini import STARTER
from impasto_ml.training.style_classifier import TrainingOptions
from impasto_starter import evaluation
from impasto_starter.hands import STYLE_NAMES
from impasto_starter.lessons import Work
from impasto_starter.subjects import held_out_style

_NAMES = [f"thing-{number}" for number in range(100)]
_HELD_OUT = [name for name in _NAMES if held_out_style(name)]
_LEARNT = [name for name in _NAMES if not held_out_style(name)]
Measure = Callable[[list[Work], list[str]], dict[str, Any]]


@pytest.fixture
def encoder(models_folder: Path, one_thread: None) -> PictureEncoder:
    return PictureEncoder.load(models_folder)


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """The judge learns in few steps."""
    monkeypatch.setattr(evaluation, "TrainingOptions", partial(TrainingOptions, steps=120, batch=64))


class Watched:
    """An encoder that remembers what it was shown."""

    def __init__(self, encoder: PictureEncoder) -> None:
        self.encoder = encoder
        self.seen: list[Image.Image] = []

    def encode(self, pictures: Sequence[Image.Image], tags: int) -> PictureFeatures:
        self.seen += pictures
        return self.encoder.encode(pictures, tags)


def sample(key: str, picture: Image.Image, encoder: PictureEncoder) -> Sample:
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    return Sample(key, buffer.getvalue(), "png", {"style": "flat"}, encoder.encode([picture], 1).vectors()[0])


def features(work: Sample) -> NDArray[np.floating[Any]]:
    assert work.features is not None
    return work.features


def in_every_style(names: Sequence[str], first: int, seed: int = 1000) -> list[Work]:
    """Scenes under these names, each in the four styles; another `first` gives other scenes, another `seed` others."""
    subjects = islice(every_scene(), first * 4, None, 4 * 29)
    seeds = count(seed)
    return [
        Work(name, style, draw(Scene(subject.colour, subject.shape, subject.place, style), 64, next(seeds)))
        for name, subject in zip(names, subjects, strict=False)
        for style in STYLE_NAMES
    ]


def test_a_judge_that_learns_from_few_works_bears_a_grain(encoder: PictureEncoder, quick: None) -> None:
    """Without varied views it names the style of 9 of 28 at most, where chance would name 7."""
    learnt, others = (
        list(evaluation._encoded(works, encoder))
        for works in (in_every_style(_LEARNT[:8], 0), in_every_style(_LEARNT[:7], 13, seed=5000))
    )
    judge = evaluation._judge(learnt, encoder)
    assert evaluation._accuracy(judge, others).value > 0.9
    grainy = evaluation._accuracy(judge, list(evaluation._grainy(others, encoder)))
    assert grainy.value > 0.5
    assert grainy.count == 28


def test_a_work_is_followed_by_its_views_which_are_its_own_and_the_same_each_time(encoder: PictureEncoder) -> None:
    picture = in_every_style(_LEARNT[:1], 0)[0].picture
    works = [sample(key, picture, encoder) for key in ("one", "two")]
    one, two = evaluation._varied(works, encoder)
    assert (one.key, one.record, one.picture) == (works[0].key, works[0].record, works[0].picture)
    for varied, work in ((one, works[0]), (two, works[1])):
        assert features(varied).shape == (1 + 4, 1958)
        assert np.array_equal(features(varied)[0], features(work))
        assert len(np.unique(features(varied), axis=0)) == 5
    assert not np.array_equal(features(one)[1:], features(two)[1:]), "works are varied each in its own way"
    (again,) = evaluation._varied(works[:1], encoder)
    assert np.array_equal(features(again), features(one))


def test_grain_is_a_little_noise_on_every_pixel_and_never_wraps_around(encoder: PictureEncoder) -> None:
    works = [sample(shade, Image.new("RGB", (64, 64), shade), encoder) for shade in ("#808080", "white", "black")]
    watched = Watched(encoder)
    grainy = list(evaluation._grainy(works, watched))  # type: ignore[arg-type]
    grey, white, black = (np.asarray(picture, float) for picture in watched.seen)
    assert grey.shape == (64, 64, 3)
    assert grey.mean() == pytest.approx(128, abs=0.3)
    assert grey.std() == pytest.approx(6, abs=0.3)
    assert np.abs(np.diff(grey, axis=-1)).max() > 0, "each channel has its own"
    assert (white.min() > 215, white.max(), black.min(), black.max() < 40) == (True, 255, 0, True)
    for work, found, picture in zip(works, grainy, watched.seen, strict=True):
        assert np.array_equal(features(found), encoder.encode([picture], 1).vectors()[0])
        assert (found.key, found.record, found.picture) == (work.key, work.record, work.picture)
    again = evaluation._grainy(works, encoder)
    assert all(np.array_equal(features(a), features(b)) for a, b in zip(again, grainy, strict=True))


@pytest.fixture
def measure(
    models_folder: Path, one_thread: None, quick: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Measure:
    """Measures the starter on these works in few drawings; what it tells comes into the list."""

    def run(works: list[Work], told: list[str]) -> dict[str, Any]:
        monkeypatch.setattr(evaluation, "works", lambda art, size_px: works)
        few = {"seeds": 1, "scenes": 2, "steps": 1}
        return evaluation.evaluate_starter(STARTER, tmp_path, models_folder, tmp_path / "out", tell=told.append, **few)

    return run


def test_what_is_held_out_is_measured_and_judged_by_who_never_saw_it(
    measure: Measure, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Of so few works a judge learns too little.
    monkeypatch.setattr(evaluation, "LEAST_JUDGE", 0.0)
    told: list[str] = []
    measured = measure(in_every_style([*_HELD_OUT[:2], *_LEARNT[:4]], 0), told)
    grainy = measured["judge"].pop("real_with_grain")
    assert measured["judge"] == {"family": "style_classifier", "learnt_works": 22, "views": 4}
    assert grainy["count"] == measured["style"]["real"]["count"] == 2
    assert told[1:3] == [
        f"the judge is right about {measured['style']['real']['value']:.3f} of 2 real held-out works",
        f"and about {grainy['value']:.3f} of them with a little grain",
    ]
    assert (measured["held_out_pairs"], measured["held_out_works"], measured["learnt_works"]) == (2, 2, 22)
    assert measured["drawn_with"] == {"seeds": 1, "steps": 1, "guidance": 2.5, "style_guidance": 5.0}
    assert measured["weights_sha256"] == digest_of(STARTER / "model.safetensors")[0]
    kept = json.loads((tmp_path / "out" / "evaluation.json").read_text("utf-8"))
    assert kept["judge"].pop("real_with_grain") == grainy
    assert kept == json.loads(json.dumps(measured)), "JSON knows no tuples"
    with Image.open(tmp_path / "out" / "sheet.png") as sheet:
        assert sheet.size == (210 + 4 * 136, 28 + 2 * 136), "a row for each held-out subject, a column for each style"


def test_nothing_is_measured_by_a_judge_that_is_wrong_about_real_works(measure: Measure, tmp_path: Path) -> None:
    """All styles look the same here, so that it names one of those in which it saw the drawing."""
    alike = [
        Work(name, style, Image.new("RGB", (64, 64), shade))
        for name, shade in zip(_HELD_OUT, ("red", "green", "blue"), strict=False)
        for style in STYLE_NAMES
    ]
    with pytest.raises(evaluation.JudgeTooWeak, match=r"about 0\.\d{3} of the held-out works, not 0\.85"):
        measure(alike, [])
    assert not (tmp_path / "out").exists()
