"""How a picture is cut into overlapping tiles, so that memory is bounded and no seam is seen."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from impasto_ml.analysis.pixels import Array


@dataclass(frozen=True)
class Tile:
    """A rectangle of the picture in px that one run of the network is responsible for."""

    left: int
    top: int
    right: int
    bottom: int


def cut(width: int, height: int, side: int) -> list[Tile]:
    """Tiles of nearly equal size, none wider or higher than `side`, that cover the picture once, row by row."""
    rows, columns = list(_spans(height, side)), list(_spans(width, side))
    return [Tile(left, top, right, bottom) for top, bottom in rows for left, right in columns]


def read(rgb: Array, tile: Tile, overlap: int) -> Array:
    """The tile with `overlap` px of what lies around it, mirrored where the picture ends."""
    height, width = rgb.shape[:2]
    top, left = max(0, tile.top - overlap), max(0, tile.left - overlap)
    bottom, right = min(height, tile.bottom + overlap), min(width, tile.right + overlap)
    vertical = (top - (tile.top - overlap), tile.bottom + overlap - bottom)
    horizontal = (left - (tile.left - overlap), tile.right + overlap - right)
    return np.pad(rgb[top:bottom, left:right], (vertical, horizontal, (0, 0)), mode="symmetric")


def _spans(length: int, side: int) -> Iterator[tuple[int, int]]:
    count = -(-length // side)
    for index in range(count):
        yield index * length // count, (index + 1) * length // count
