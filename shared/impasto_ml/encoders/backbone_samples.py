"""Samples of shards whose features come from another encoder than the one that prepared them."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from io import BytesIO
from itertools import islice

from PIL import Image

from impasto_ml.data.pictures import open_picture
from impasto_ml.data.shards import Sample

from .vectors import VectorEncoder

_BATCH = 8

Views = Callable[[Image.Image, str], Sequence[Image.Image]]


def encoded_again(
    samples: Iterable[Sample], encoder: VectorEncoder, views: Views | None = None, batch: int = _BATCH
) -> Iterator[Sample]:
    """Each sample with the encoder's vector, or with 1 + V of them: its picture's and those of V `views`.

    `views(picture, key)` gives the same number of pictures each time. Memory: `batch` samples and their views.
    """
    stream = iter(samples)
    while chunk := list(islice(stream, batch)):
        seen = [_seen(sample, views) for sample in chunk]
        vectors = encoder.encode([picture for pictures in seen for picture in pictures]).vectors()
        rows = vectors.reshape(len(chunk), len(seen[0]), -1)
        for sample, row in zip(chunk, rows, strict=True):
            yield replace(sample, features=row if views else row[0])


def _seen(sample: Sample, views: Views | None) -> list[Image.Image]:
    picture = open_picture(BytesIO(sample.picture))
    return [picture, *(views(picture, sample.key) if views else ())]
