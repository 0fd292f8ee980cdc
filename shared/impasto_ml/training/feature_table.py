"""Keeps the features of a training set in a file on disk, so that its size is the disk's matter and not memory's."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from impasto_ml.data.shards import Sample
from impasto_ml.encoders.layout import COLOUR_FEATURES, STYLE_LAYOUT, VectorLayout


@dataclass(frozen=True)
class FeatureTable:
    """Of N pictures in V views each: `rows` N x V x R float16 (mapped from disk); their labels.

    R is 678, style then colour, or a backbone's width and 70 for colour. View 0 is the picture itself, the others are
    augmented.
    """

    rows: NDArray[np.float16]
    styles: tuple[str, ...]
    subjects: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.styles)

    def batch(self, index: NDArray[Any], view: NDArray[Any] | int = 0) -> NDArray[np.float32]:
        """B x R of the pictures numbered `index`."""
        return np.asarray(self.rows[index, view], dtype=np.float32)


def collect(samples: Iterable[Sample], scratch: Path, layout: VectorLayout = STYLE_LAYOUT) -> FeatureTable:
    """Reads features and the record's "style" and "subject" from a stream; `scratch` must outlive the table.

    A sample's features are one vector of `layout`, by default the 1958 numbers that shards carry, or V of them. A
    sample without a subject is a subject of its own.
    Raises ValueError for a sample without features or style, for another width, and when V changes.
    """
    scratch.mkdir(parents=True, exist_ok=True)
    path = scratch / "features.f16"
    styles: list[str] = []
    subjects: list[str] = []
    views = 0
    with path.open("wb") as file:
        for sample in samples:
            vectors = _vectors(sample, layout)
            views = views or len(vectors)
            if len(vectors) != views:
                raise ValueError(f"sample {sample.key} has {len(vectors)} views, those before it {views}")
            file.write(np.ascontiguousarray(vectors[:, layout.start :], dtype=np.float16).tobytes())
            styles.append(_label(sample, "style"))
            subjects.append(str(sample.record.get("subject") or sample.key))
    if not styles:
        raise ValueError("there is nothing to learn from")
    shape = (len(styles), views, layout.learnt_width + COLOUR_FEATURES)
    rows: NDArray[np.float16] = np.memmap(path, dtype=np.float16, mode="r", shape=shape)
    return FeatureTable(rows, tuple(styles), tuple(subjects))


def _vectors(sample: Sample, layout: VectorLayout) -> NDArray[np.float16]:
    if sample.features is None:
        raise ValueError(f"sample {sample.key} carries no features: prepare the dataset with the picture encoder")
    vectors = np.atleast_2d(sample.features)
    if vectors.ndim != 2 or vectors.shape[1] != layout.width or not np.isfinite(vectors).all():
        raise ValueError(f"sample {sample.key}: expected {layout.width} finite features, got {vectors.shape}")
    return vectors


def _label(sample: Sample, name: str) -> str:
    value = sample.record.get(name)
    if not isinstance(value, str) or not value:
        raise ValueError(f"sample {sample.key} has no {name}")
    return value
