"""How much of a style classifier's accuracy is left after each declared perturbation."""

import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from impasto_ml.data.pictures import open_picture
from impasto_ml.data.shards import Sample
from impasto_ml.encoders.vectors import VectorEncoder
from impasto_ml.families.style_classifier.model import StyleClassifier

from .measures import Measured, bootstrap
from .perturbations import PERTURBATIONS, Perturbation

_BATCH = 32
UNCHANGED = "none"


@dataclass(frozen=True)
class PerturbationRow:
    """`accuracy` over all seeds together, interval by picture; `by_seed`: one figure a seed."""

    name: str
    accuracy: Measured
    by_seed: tuple[float, ...]

    @property
    def spread(self) -> float:
        return max(self.by_seed) - min(self.by_seed)


def measure_perturbations(
    classifier: StyleClassifier,
    encoder: VectorEncoder,
    samples: Sequence[Sample],
    seeds: int = 4,
    first_seed: int = 0,
    perturbations: Sequence[Perturbation] = PERTURBATIONS,
) -> tuple[PerturbationRow, ...]:
    """First a row named "none" for the same pictures unchanged, then one per perturbation."""
    unchanged = Perturbation(UNCHANGED, False, lambda picture, _: picture)
    truth = np.array([classifier.config.styles.index(sample.record["style"]) for sample in samples])
    rows = []
    for perturbation in (unchanged, *perturbations):
        chances = range(first_seed, first_seed + (seeds if perturbation.seeded else 1))
        hits = np.stack([_hits(classifier, encoder, samples, truth, perturbation, seed) for seed in chances])
        accuracy = bootstrap(_mean_of(hits), len(samples))
        rows.append(PerturbationRow(perturbation.name, accuracy, tuple(float(value) for value in hits.mean(axis=1))))
    return tuple(rows)


def _mean_of(hits_SN: NDArray[np.bool_]) -> Callable[[NDArray[np.intp]], float]:
    return lambda index: float(hits_SN[:, index].mean())


def _hits(
    classifier: StyleClassifier,
    encoder: VectorEncoder,
    samples: Sequence[Sample],
    truth: NDArray[np.intp],
    perturbation: Perturbation,
    seed: int,
) -> NDArray[np.bool_]:
    best = [
        classifier.classify(encoder.encode(batch, tags=1).vectors()).best
        for batch in _perturbed(samples, perturbation, seed)
    ]
    hits: NDArray[np.bool_] = np.concatenate(best) == truth
    return hits


def _perturbed(samples: Sequence[Sample], perturbation: Perturbation, seed: int) -> Iterator[list[Image.Image]]:
    for start in range(0, len(samples), _BATCH):
        yield [
            perturbation(open_picture(io.BytesIO(sample.picture)), seed, sample.key)
            for sample in samples[start : start + _BATCH]
        ]
