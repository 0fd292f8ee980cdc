"""Which samples a checkpoint may be measured on: those with its labels that it did not learn from."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class HeldBack:
    """`usable` samples of the split carry a label and were not learnt from; `learnt_from` carry one but were."""

    usable: int
    learnt_from: int


def pictures_learnt(index: Path | None) -> frozenset[str]:
    """Digests of the pictures in the train half that this index lists; none without an index."""
    return frozenset(line["sha256"] for line in _lines(index) if line["split"] == "train") if index else frozenset()


def held_back(index: Path, split: str, label: str, labels: set[str], learnt: frozenset[str]) -> HeldBack:
    """Counts the split's samples in a dataset version's index; reads it line by line."""
    counts = [0, 0]
    for line in _lines(index):
        if line["split"] == split and line[label] in labels:
            counts[line["sha256"] in learnt] += 1
    return HeldBack(*counts)


def _lines(index: Path) -> Iterator[dict[str, Any]]:
    with index.open(encoding="utf-8") as file:
        for line in file:
            yield json.loads(line)
