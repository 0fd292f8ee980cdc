"""The works that a model is measured against, looked at in the size that the model draws."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from io import BytesIO
from itertools import islice
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from impasto_ml.data.pictures import FORMATS, flatten, open_picture
from impasto_ml.data.shards import Sample
from impasto_ml.encoders.layout import POOLED, VECTOR_FEATURES
from impasto_ml.encoders.vectors import VectorEncoder

_CHUNK: Final = 64

Stream = Callable[[], Iterable[Sample]]
Vectors = NDArray[np.floating[Any]]


@dataclass(frozen=True, slots=True)
class Works:
    """Streams that can be read again: works kept back from training, and those that were learnt from.

    The record of a sample names its "style" and its "subject".
    """

    held_out: Stream
    learnt: Stream


def shrunk(picture: Image.Image, size_px: int) -> Image.Image:
    """RGB, its shorter side at most `size_px`: a drawing of that size must not be told by its lack of detail."""
    opened = flatten(picture)
    shorter = min(opened.size)
    if shorter <= size_px:
        return opened
    width, height = (max(1, round(side * size_px / shorter)) for side in opened.size)
    return opened.resize((width, height), Image.Resampling.LANCZOS)


def opened(sample: Sample, size_px: int) -> Image.Image:
    """A work's picture in that size."""
    return shrunk(open_picture(BytesIO(sample.picture), size_px), size_px)


def looked_at(
    samples: Iterable[Sample], encoder: VectorEncoder, size_px: int, stored: bool = True
) -> Iterator[tuple[list[Sample], Vectors]]:
    """Chunks of samples, without their pictures, and their vectors.

    Vectors that shards carry are used where the picture is no larger than `size_px` and `stored` says that they are
    this encoder's; the others are encoded again. Memory: one chunk.
    """
    stream = iter(samples)
    while chunk := list(islice(stream, _CHUNK)):
        rows: list[Vectors | None] = [_kept(sample, size_px) if stored else None for sample in chunk]
        missing = [row for row, vector in enumerate(rows) if vector is None]
        fresh = encoder.encode([opened(chunk[row], size_px) for row in missing], 1).vectors() if missing else ()
        for row, vector in zip(missing, fresh, strict=True):
            rows[row] = vector
        yield [_light(sample) for sample in chunk], np.stack([row for row in rows if row is not None])


def pooled(vectors: Vectors) -> Vectors:
    """What of a vector says what is to be seen: the mean of the last layer, N x 1280."""
    return vectors[:, POOLED]


def _kept(sample: Sample, size_px: int) -> Vectors | None:
    if sample.features is None:
        return None
    vector = np.atleast_2d(sample.features)[0]
    with Image.open(BytesIO(sample.picture), formats=FORMATS) as header:
        small = min(header.size) <= size_px
    return vector if small and vector.shape == (VECTOR_FEATURES,) else None


def _light(sample: Sample) -> Sample:
    return Sample(sample.key, b"", sample.format, sample.record)
