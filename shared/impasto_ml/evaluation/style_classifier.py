"""Measures a style classifier on pictures of subjects it never saw, beside what colour or guessing would have said."""

import heapq
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from impasto_ml.data.shards import Sample
from impasto_ml.data.split import share_of
from impasto_ml.encoders.vectors import VectorEncoder
from impasto_ml.families.style_classifier.model import StyleClassifier

from . import measures
from .measures import Measured, bootstrap
from .robustness import PerturbationRow, measure_perturbations

_CHUNK = 512
# A hand is told from others fairly only where several hands drew the same subject.
COMPARED_HANDS = 3


@dataclass(frozen=True)
class UnknownHands:
    """`auroc`: how well familiarity tells known hands from unseen ones. Shares are of pictures called known."""

    auroc: Measured
    known_accepted: float
    unseen_accepted: float
    unseen_count: int


@dataclass(frozen=True)
class StyleEvaluation:
    """`compared_accuracy`: only subjects that at least three hands of this set drew. `confusion`: row is the truth.

    `majority` always answers the most frequent style; `colour_only` sees nothing but colour.
    """

    styles: tuple[str, ...]
    pictures: int
    subjects: int
    accuracy: Measured
    compared_accuracy: Measured | None
    macro_f1: Measured
    calibration_error: Measured
    confusion: tuple[tuple[int, ...], ...]
    majority: Measured
    colour_only: Measured
    perturbations: tuple[PerturbationRow, ...]
    unknown: UnknownHands | None

    def record(self) -> dict[str, Any]:
        """As JSON."""
        return asdict(self)


@dataclass(frozen=True)
class _Answers:
    truth: NDArray[np.intp]
    subject: NDArray[np.intp]
    best: NDArray[np.intp]
    confidence: NDArray[np.float32]
    familiarity: NDArray[np.float32]
    known: NDArray[np.bool_]
    colour: NDArray[np.intp]


def evaluate(
    classifier: StyleClassifier,
    samples: Iterable[Sample],
    encoder: VectorEncoder | None = None,
    unseen: Iterable[Sample] = (),
    seeds: int = 4,
    perturbed: int = 128,
    seed: int = 0,
) -> StyleEvaluation:
    """Streams `samples` (with features, and pictures where `encoder` is given) and `unseen`, hands never learnt.

    With an encoder, a fixed choice of `perturbed` pictures is changed in every declared way and encoded again, with
    `seeds` seeds, from `seed` up, where the change has chance in it; `seed` also makes the choice. Memory: a few
    numbers a picture and those chosen pictures.
    Raises ValueError without samples, without features, and for a style the classifier does not know.
    """
    chosen = _Choice(perturbed if encoder else 0, seed)
    answers, subjects = _answer(classifier, chosen.watch(samples))
    classes = len(classifier.config.styles)
    right = answers.best == answers.truth
    count = len(right)

    def share(hits: NDArray[np.bool_]) -> Measured:
        return bootstrap(lambda index: float(hits[index].mean()), count, answers.subject)

    majority = Counter(answers.truth.tolist()).most_common(1)[0][0]
    table = measures.confusion(answers.truth, answers.best, classes)
    return StyleEvaluation(
        styles=classifier.config.styles,
        pictures=count,
        subjects=subjects,
        accuracy=share(right),
        compared_accuracy=_compared(answers, right),
        macro_f1=bootstrap(
            lambda i: measures.macro_f1(answers.truth[i], answers.best[i], classes), count, answers.subject
        ),
        calibration_error=bootstrap(
            lambda i: measures.expected_calibration_error(answers.confidence[i], right[i]), count, answers.subject
        ),
        confusion=tuple(tuple(row) for row in table.tolist()),
        majority=share(answers.truth == majority),
        colour_only=share(answers.colour == answers.truth),
        perturbations=measure_perturbations(classifier, encoder, chosen.samples, seeds, seed) if encoder else (),
        unknown=_unknown(classifier, answers, unseen),
    )


class _Choice:
    """Keeps the `size` samples with the smallest hash: the same ones in whatever order they stream past."""

    def __init__(self, size: int, seed: int) -> None:
        self._size, self._seed = size, seed
        self._kept: list[tuple[float, str, Sample]] = []

    def watch(self, samples: Iterable[Sample]) -> Iterator[Sample]:
        for sample in samples:
            if self._size:
                entry = (-share_of(sample.key, self._seed, "perturbed"), sample.key, sample)
                push = heapq.heappush if len(self._kept) < self._size else heapq.heappushpop
                push(self._kept, entry)
            yield sample

    @property
    def samples(self) -> list[Sample]:
        return [sample for _, _, sample in sorted(self._kept, key=lambda entry: entry[1])]


def _chunks(samples: Iterable[Sample]) -> Iterator[list[Sample]]:
    stream = iter(samples)
    while chunk := list(islice(stream, _CHUNK)):
        yield chunk


def _vectors(samples: list[Sample]) -> NDArray[np.float16]:
    """View 0 of each: the picture itself."""
    missing = [sample.key for sample in samples if sample.features is None]
    if missing:
        raise ValueError(f"sample {missing[0]} carries no features")
    return np.stack([np.atleast_2d(sample.features)[0] for sample in samples if sample.features is not None])


def _answer(classifier: StyleClassifier, samples: Iterable[Sample]) -> tuple[_Answers, int]:
    places = {style: index for index, style in enumerate(classifier.config.styles)}
    subjects: dict[str, int] = {}
    parts: list[tuple[NDArray[Any], ...]] = []
    for chunk in _chunks(samples):
        strange = {sample.record.get("style") for sample in chunk} - set(places)
        if strange:
            raise ValueError(f"the classifier does not know these styles: {sorted(map(str, strange))}")
        vectors = _vectors(chunk)
        answer = classifier.classify(vectors)
        names = [str(sample.record.get("subject") or sample.key) for sample in chunk]
        parts.append(
            (
                np.array([places[sample.record["style"]] for sample in chunk], dtype=np.intp),
                np.array([subjects.setdefault(name, len(subjects)) for name in names], dtype=np.intp),
                answer.best,
                answer.probabilities.max(axis=1),
                answer.familiarity,
                answer.known,
                classifier.classify_by_colour(vectors),
            )
        )
    if not parts:
        raise ValueError("there is nothing to evaluate on")
    return _Answers(*(np.concatenate(column) for column in zip(*parts, strict=True))), len(subjects)


def _compared(answers: _Answers, right: NDArray[np.bool_]) -> Measured | None:
    pairs = np.unique(np.stack([answers.subject, answers.truth]), axis=1)
    hands = np.bincount(pairs[0])
    chosen = hands[answers.subject] >= COMPARED_HANDS
    if not chosen.any():
        return None
    hits = right[chosen]
    groups = np.unique(answers.subject[chosen], return_inverse=True)[1]
    return bootstrap(lambda index: float(hits[index].mean()), len(hits), groups)


def _unknown(classifier: StyleClassifier, answers: _Answers, unseen: Iterable[Sample]) -> UnknownHands | None:
    parts = [classifier.classify(_vectors(chunk)) for chunk in _chunks(unseen)]
    if not parts:
        return None
    strangers = np.concatenate([part.familiarity for part in parts])
    accepted = np.concatenate([part.known for part in parts])
    scores = np.concatenate([answers.familiarity, strangers])
    is_known = np.arange(len(scores)) < len(answers.familiarity)
    area = bootstrap(
        lambda index: measures.auroc(scores[index[is_known[index]]], scores[index[~is_known[index]]]), len(scores)
    )
    return UnknownHands(area, float(answers.known.mean()), float(accepted.mean()), len(strangers))
