"""How much the demonstration does: everything, or what fits into two minutes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


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


# Full keeps more than a thousand pictures back, so that the interval of the accuracy is a few per cent wide.
FULL: Final = Size("full", 1100, 300, False, 0.35, 60, 1, 150, 2)
FAST: Final = Size("fast", 130, 90, True, 0.35, 60, 0, 50, 1)
