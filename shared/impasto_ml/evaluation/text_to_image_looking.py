"""Draws all that is asked and keeps of each picture only what is measured: a vector, a judgement, a reading."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageChops

from impasto_ml.encoders.vectors import VectorEncoder
from impasto_ml.evaluation.attributes import Reading, read
from impasto_ml.evaluation.text_to_image_drawing import Asked, Hand
from impasto_ml.evaluation.text_to_image_measures import Stability
from impasto_ml.evaluation.text_to_image_sheets import ContactSheet
from impasto_ml.evaluation.text_to_image_works import pooled
from impasto_ml.families.style_classifier.model import StyleClassifier

_SHEET_CAPTIONS: Final = 10
_SHEET_SCENES: Final = 6
# Drawing is most of the time.
_FROM, _TO = 0.05, 0.7

Tell = Callable[[float, str], None]
Vectors = NDArray[np.floating[Any]]


@dataclass(frozen=True, slots=True)
class StyleJudge:
    """A style classifier that had no part in training the model, and the `encoder` whose features it reads.

    `encoder` None: those that the evaluation's own encoder makes.
    """

    classifier: StyleClassifier
    encoder: VectorEncoder | None = None

    @property
    def styles(self) -> tuple[str, ...]:
        return self.classifier.config.styles

    def named(self, pictures: Sequence[Image.Image], vectors: Vectors) -> list[str]:
        """The style of each; `vectors` are those of the evaluation's encoder."""
        seen = self.encoder.encode(pictures, 1).vectors() if self.encoder else vectors
        return [self.styles[best] for best in self.classifier.classify(seen).best]


@dataclass(frozen=True, slots=True)
class Looked:
    """Of N captions: `rows` N x 1280, and the style that the judge `named` for each, if there is a judge."""

    rows: Vectors
    named: tuple[str, ...]


@dataclass(slots=True)
class Looking:
    """Draws with `hand`; the first pictures of some prompts go onto the `sheet`."""

    hand: Hand
    encoder: VectorEncoder
    sheet: ContactSheet
    tell: Tell
    total: int
    done: int = 0

    def captions(self, asked: Sequence[Asked], judge: StyleJudge | None) -> Looked:
        """Every picture as a vector, and by whose hand the judge takes it to be."""
        rows: list[Vectors] = []
        named: list[str] = []
        for pictures in self._batches(asked, _SHEET_CAPTIONS):
            vectors = self.encoder.encode(pictures, 1).vectors()
            rows.append(pooled(vectors))
            named.extend(judge.named(pictures, vectors) if judge else ())
        return Looked(_stacked(rows), tuple(named))

    def scenes(self, asked: Sequence[Asked], keep: bool) -> tuple[list[Reading], Vectors]:
        """What each shows; with `keep` also its vector."""
        readings: list[Reading] = []
        rows: list[Vectors] = []
        for pictures in self._batches(asked, _SHEET_SCENES):
            readings.extend(map(read, pictures))
            if keep:
                rows.append(pooled(self.encoder.encode(pictures, 1).vectors()))
        return readings, _stacked(rows)

    def _batches(self, asked: Sequence[Asked], rows: int) -> Iterator[list[Image.Image]]:
        shown = _some_prompts(asked, rows)
        for start in range(0, len(asked), self.hand.together):
            batch = asked[start : start + self.hand.together]
            pictures = list(self.hand.draw(batch))
            for one, picture in zip(batch, pictures, strict=True):
                if one.prompt in shown:
                    self.sheet.see(one, picture)
            self.done += len(batch)
            self.tell(_FROM + (_TO - _FROM) * self.done / self.total, f"drawn {self.done} of {self.total}")
            yield pictures


def stability(hand: Hand, asked: Sequence[Asked]) -> Stability:
    """Draws the same requests twice in the same company, and once each alone."""
    first, again = list(hand.draw(asked)), list(hand.draw(asked))
    alone = [next(hand.draw([one])) for one in asked]
    return Stability(_difference(first, again), _difference(first, alone), len(asked))


def _difference(ones: Sequence[Image.Image], others: Sequence[Image.Image]) -> int:
    pairs = zip(ones, others, strict=True)
    return max((int(np.asarray(ImageChops.difference(a, b)).max()) for a, b in pairs), default=0)


def _some_prompts(asked: Sequence[Asked], most: int) -> set[str]:
    """So many prompts, evenly from first to last."""
    prompts = list(dict.fromkeys(one.prompt for one in asked))
    places = np.linspace(0, len(prompts) - 1, min(most, len(prompts))).round().astype(int)
    return {prompts[place] for place in places}


def _stacked(rows: list[Vectors]) -> Vectors:
    return np.concatenate(rows) if rows else np.empty((0, 0), dtype=np.float16)
