"""Holds what was drawn against real works: those kept back from training, and those that were learnt from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from impasto_ml.data.shards import Sample
from impasto_ml.encoders.vectors import VectorEncoder
from impasto_ml.evaluation.copying import Copying, NearCopy, NearestWorks, copying
from impasto_ml.evaluation.text_to_image_drawing import Asked, Hand
from impasto_ml.evaluation.text_to_image_looking import Looked, StyleJudge, Tell
from impasto_ml.evaluation.text_to_image_measures import StyleAgreement, by_name, numbered, share
from impasto_ml.evaluation.text_to_image_sheets import copies_sheet
from impasto_ml.evaluation.text_to_image_works import Works, looked_at, opened, pooled

Vectors = NDArray[np.floating[Any]]

# A vector each is kept of these: 10 MB. More held-out works would make no figure better.
MOST_HELD_OUT: Final = 4000


@dataclass(frozen=True, slots=True)
class HeldOut:
    """Of the held-out works: `rows` M x 1280, and for those of styles that the judge knows: truth, answer, subject."""

    rows: Vectors
    truth: tuple[str, ...]
    named: tuple[str, ...]
    subjects: tuple[str, ...]


def look_at_held_out(works: Works, encoder: VectorEncoder, judge: StyleJudge | None, side_px: int) -> HeldOut:
    """In the size that the model draws; the first 4,000 of them."""

    def some() -> Iterator[Sample]:
        return islice(works.held_out(), MOST_HELD_OUT)

    rows: list[Vectors] = []
    answers: list[tuple[str, str, str]] = []
    for samples, vectors in looked_at(some(), encoder, side_px):
        rows.append(pooled(vectors))
        if judge and not judge.encoder:
            answers.extend(_judged(judge, samples, judge.named([], vectors)))
    if judge and judge.encoder:
        for samples, vectors in looked_at(some(), judge.encoder, side_px, stored=False):
            styles = judge.classifier.classify(vectors).best
            answers.extend(_judged(judge, samples, [judge.styles[best] for best in styles]))
    truth, named, subjects = zip(*answers, strict=True) if answers else ((), (), ())
    return HeldOut(np.concatenate(rows) if rows else np.empty((0, 0), np.float16), truth, named, subjects)


def _judged(judge: StyleJudge, samples: Sequence[Sample], named: Sequence[str]) -> list[tuple[str, str, str]]:
    return [
        (sample.record["style"], name, str(sample.record.get("subject") or sample.key))
        for sample, name in zip(samples, named, strict=True)
        if sample.record.get("style") in judge.styles
    ]


def style_agreement(
    asked: Sequence[Asked], looked: Looked, judge: StyleJudge, real: HeldOut | None
) -> StyleAgreement | None:
    """Of the drawings in styles that the judge knows; None without any."""
    rows = [
        (one.style, named, one.prompt)
        for one, named in zip(asked, looked.named, strict=True)
        if one.style in judge.styles
    ]
    if not rows:
        return None
    right = np.array([style == named for style, named, _ in rows])
    groups = numbered([prompt for _, _, prompt in rows])
    drawn = share(right, groups)
    assert drawn is not None
    of_works = np.array([a == b for a, b in zip(real.truth, real.named, strict=True)] if real else [], dtype=bool)
    subjects = numbered(real.subjects if real else ())
    return StyleAgreement(
        drawn=drawn,
        by_style=by_name(right, [style for style, _, _ in rows], groups),
        real=share(of_works, subjects),
        real_by_style=by_name(of_works, real.truth if real else (), subjects),
    )


def find_copies(
    asked: Sequence[Asked],
    looked: Looked,
    real: HeldOut,
    works: Works,
    encoder: VectorEncoder,
    side_px: int,
    tell: Tell,
) -> Copying | None:
    """One pass over the works that were learnt from; None where there are none."""
    of_drawn, of_real = NearestWorks(looked.rows), NearestWorks(real.rows)
    for samples, vectors in looked_at(works.learnt(), encoder, side_px):
        keys = [work_of(sample) for sample in samples]
        of_drawn.see(keys, pooled(vectors))
        of_real.see(keys, pooled(vectors))
        tell(0.75, f"compared with {of_drawn.works} works that were learnt from")
    if not of_drawn.works:
        return None
    return copying(of_drawn.found(), of_real.found(), of_drawn.works, numbered([one.prompt for one in asked]))


def work_of(sample: Sample) -> str:
    """The id of the artwork behind a sample."""
    return str(sample.record.get("artwork") or sample.key)


def show_copies(
    hand: Hand, asked: Sequence[Asked], worst: Sequence[NearCopy], works: Works, side_px: int
) -> Image.Image:
    """The pairs side by side. The drawings are drawn again: none was kept."""
    wanted = {copy.work for copy in worst}
    pictures: dict[str, Image.Image] = {}
    for sample in works.learnt():
        if (key := work_of(sample)) in wanted and key not in pictures:
            pictures[key] = opened(sample, side_px)
            if len(pictures) == len(wanted):
                break
    drawn = list(hand.draw(asked[copy.drawn] for copy in worst))
    return copies_sheet(worst, drawn, [pictures[copy.work] for copy in worst])
