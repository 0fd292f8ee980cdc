"""Pictures as square arrays: nothing is stretched or cut."""

from __future__ import annotations

import numpy as np
from PIL import Image

from impasto_ml.data.squares import to_array


def test_what_is_not_square_is_put_on_white_and_not_stretched() -> None:
    array = to_array(Image.new("RGB", (40, 20), "black"), 8)
    assert array.shape == (3, 8, 8)
    assert array[0, 0].tolist() == [255] * 8
    assert array[0, 4].tolist() == [0] * 8


def test_what_is_square_and_of_that_size_stays_as_it_is() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (8, 8, 3), np.uint8)
    assert np.array_equal(to_array(Image.fromarray(pixels), 8), pixels.transpose(2, 0, 1))


def test_greys_become_three_channels() -> None:
    assert to_array(Image.new("L", (8, 8), 7), 4).tolist() == [[[7] * 4] * 4] * 3
