"""Cutting and reading tiles."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from impasto_ml.upscaling.tiles import Tile, cut, read


@given(width=st.integers(1, 300), height=st.integers(1, 300), side=st.integers(16, 128))
def test_tiles_cover_every_pixel_once_and_keep_their_limit(width: int, height: int, side: int) -> None:
    covered = np.zeros((height, width), dtype=int)
    for tile in cut(width, height, side):
        assert 0 < tile.right - tile.left <= side
        assert 0 < tile.bottom - tile.top <= side
        covered[tile.top : tile.bottom, tile.left : tile.right] += 1
    assert (covered == 1).all()


def test_tiles_differ_by_no_more_than_a_pixel() -> None:
    widths = {tile.right - tile.left for tile in cut(200, 50, 96)}
    assert widths <= {66, 67}


def test_a_tile_is_read_with_its_real_neighbours() -> None:
    rgb = np.arange(20 * 30 * 3).reshape(20, 30, 3)
    assert (read(rgb, Tile(10, 8, 14, 12), 3) == rgb[5:15, 7:17]).all()


@pytest.mark.parametrize("overlap", [2, 7])
def test_beyond_the_border_a_tile_is_mirrored(overlap: int) -> None:
    rgb = np.arange(5 * 4 * 3).reshape(5, 4, 3)
    expected = np.pad(rgb, ((overlap, overlap), (overlap, overlap), (0, 0)), mode="symmetric")
    assert (read(rgb, Tile(0, 0, 4, 5), overlap) == expected).all()
