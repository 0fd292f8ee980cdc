"""How much the demonstration does: everything, or what fits into three minutes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Drawing:
    """Learning to draw: `steps`, a sheet of samples every `sample_every`, and so many captions to measure it."""

    steps: int
    sample_every: int
    captions: int
    seeds: int


@dataclass(frozen=True, slots=True)
class Size:
    """`subjects`: at most so many of each hand; `strangers`: pictures of the hand that is never learnt."""

    name: str
    subjects: int
    strangers: int
    every_hand: bool
    validation_fraction: float
    epochs: int
    views: int
    perturbed: int
    perturbation_seeds: int
    drawing: Drawing


# Full keeps more than a thousand pictures back, so that the interval of the accuracy is a few per cent wide.
FULL: Final = Size("full", 1100, 300, False, 0.35, 60, 1, 150, 2, Drawing(200, 50, 12, 2))
FAST: Final = Size("fast", 130, 90, True, 0.35, 60, 0, 50, 1, Drawing(40, 20, 4, 1))
