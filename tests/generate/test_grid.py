"""The sheet of a job's pictures: row by row, and large ones are shown smaller."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from impasto_generate.text_to_image.grid import lay_out


@pytest.mark.parametrize(("size", "cell"), [((100, 60), (100, 60)), ((1024, 512), (256, 128))])
def test_pictures_lie_row_by_row_with_a_gap_and_none_larger_than_256_px(
    size: tuple[int, int], cell: tuple[int, int], tmp_path: Path
) -> None:
    paths = [tmp_path / f"{number}.png" for number in range(3)]
    for path, colour in zip(paths, ("red", "lime", "blue"), strict=True):
        Image.new("RGB", size, colour).save(path)
    with Image.open(lay_out(paths, 2, tmp_path / "grid.png")) as grid:
        assert (grid.format, grid.mode, grid.size) == ("PNG", "RGB", (2 * cell[0] + 4, 2 * cell[1] + 4))
        assert grid.getpixel((cell[0] + 1, 1)) == (255, 255, 255)
        right, below = cell[0] + 4, cell[1] + 4
        corners = [grid.getpixel(place) for place in ((0, 0), (right, 0), (0, below), (right, below))]
    assert corners == [(255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)]
