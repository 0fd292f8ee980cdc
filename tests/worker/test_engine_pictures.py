"""Contact sheets: as square as it gets, and small whatever is on them."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from impasto_worker.engine_pictures import contact_sheet, small_jpeg

_RED, _GREY = (255, 0, 0), (128, 128, 128)


@pytest.mark.parametrize(("count", "size"), [(1, (10, 10)), (2, (20, 10)), (5, (30, 20)), (64, (80, 80))])
def test_a_sheet_has_a_cell_for_every_picture(count: int, size: tuple[int, int]) -> None:
    assert contact_sheet({}, count, 10).size == size


def test_what_is_not_drawn_yet_is_grey_and_what_is_not_square_is_centred() -> None:
    sheet = contact_sheet({1: Image.new("RGB", (10, 4), _RED)}, 4, 10)
    assert sheet.getpixel((15, 5)) == _RED
    assert [sheet.getpixel(place) for place in ((5, 5), (15, 1), (15, 8), (5, 15))] == [_GREY] * 4


@pytest.mark.parametrize("side", [16, 384, 1500])
def test_even_noise_has_at_most_32_kilobytes(side: int) -> None:
    noise = np.random.default_rng(1).integers(0, 256, (side, side, 3), dtype=np.uint8)
    jpeg = small_jpeg(Image.fromarray(noise))
    assert len(jpeg) <= 32_000
    assert Image.open(io.BytesIO(jpeg)).format == "JPEG"
