"""What a preparation adds up while chunk after chunk comes back; nothing here grows with pictures or captions."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Final

from impasto.kinds.dataset_prepare import RefusedArtwork
from impasto_ml.data.split import Split

_TOLD_REFUSALS: Final = 100
_TOP_TAGS: Final = 20
LABELS: Final = ("artist", "medium")


@dataclass
class Tally:
    """Counts over all chunks so far. Ids are kept for lineage: 30 bytes a sample, not its picture."""

    artworks: list[str] = field(default_factory=list)
    shards: list[dict[str, Any]] = field(default_factory=list)
    samples: Counter[Split] = field(default_factory=Counter)
    changed: int = 0
    cut: int = 0
    tags: Counter[str] = field(default_factory=Counter)
    licences: Counter[str] = field(default_factory=Counter)
    labels: dict[Split, dict[str, Counter[str]]] = field(
        default_factory=lambda: {side: {label: Counter() for label in LABELS} for side in ("train", "validation")}
    )
    pixels: int = 0
    sums: list[int] = field(default_factory=lambda: [0, 0, 0])
    squares: list[int] = field(default_factory=lambda: [0, 0, 0])
    refused: list[RefusedArtwork] = field(default_factory=list)
    refused_count: int = 0

    @property
    def total(self) -> int:
        return len(self.artworks)

    def refuse(self, artwork: str, code: str, message: str) -> None:
        """Counts an artwork that is no sample; the first hundred are told by name."""
        self.refused_count += 1
        if len(self.refused) < _TOLD_REFUSALS:
            self.refused.append(RefusedArtwork(artwork=artwork, code=code, message=message))

    def add(self, side: Split, made: dict[str, Any]) -> None:
        """Adds what a runner said of one chunk."""
        for refusal in made["refused"]:
            self.refuse(**refusal)
        self.artworks += made["artworks"]
        self.samples[side] += len(made["artworks"])
        self.changed += made["changed"]
        self.cut += made["cut"]
        self.tags.update(made["tags"])
        self.licences.update(made["licences"])
        for label in LABELS:
            self.labels[side][label].update(made["labels"][label])
        self.pixels += made["pixels"]
        self.sums = [a + b for a, b in zip(self.sums, made["sums"], strict=True)]
        self.squares = [a + b for a, b in zip(self.squares, made["squares"], strict=True)]

    def top_tags(self) -> dict[str, int]:
        """The most frequent tags; among equals the alphabet decides, so that a run repeats exactly."""
        return dict(sorted(self.tags.items(), key=lambda entry: (-entry[1], entry[0]))[:_TOP_TAGS])

    def channels(self) -> dict[str, list[float]]:
        """Mean and deviation of R, G and B over all samples' pixels, in 0..1."""
        if not self.pixels:
            return {"mean": [], "deviation": []}
        means = [total / self.pixels for total in self.sums]
        spreads = [max(0.0, square / self.pixels - mean**2) for square, mean in zip(self.squares, means, strict=True)]
        return {
            "mean": [round(mean / 255, 6) for mean in means],
            "deviation": [round(spread**0.5 / 255, 6) for spread in spreads],
        }
