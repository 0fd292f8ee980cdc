"""Sheets: pictures in their order, row by row."""

from __future__ import annotations

import weakref
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from PIL import Image

from impasto_ml.families.text_to_image import DrawingRequest
from impasto_ml.sampling.sheets import draw_all, draw_sheet, sheet_of


@dataclass
class Count:
    """Draws by counting: its picture's grey is its seed."""

    seed: int
    steps: int
    size_px: tuple[int, int] = (2, 2)
    step: int = 0
    lost: bool = False

    @property
    def done(self) -> bool:
        return self.step >= self.steps


class Counter:
    """A family that remembers how many it drew at once."""

    memory_bytes = 1
    size_px = (2, 2)

    def __init__(self) -> None:
        self.widths: list[int] = []

    def drawing_bytes(self, request: DrawingRequest) -> int:
        return 1

    def begin(self, request: DrawingRequest) -> Count:
        return Count(request.seed, request.steps, (request.width or 2, request.height or 2))

    def denoise_step(self, drawings: list[Count]) -> None:
        assert not any(drawing.done for drawing in drawings)
        self.widths.append(len(drawings))
        for drawing in drawings:
            drawing.step += 1

    def preview(self, drawing: Count) -> Image.Image:
        return self.finish(drawing)

    def finish(self, drawing: Count) -> Image.Image:
        assert drawing.done
        return Image.new("RGB", drawing.size_px, (drawing.seed,) * 3)

    def abandon(self, drawing: Count) -> None:
        pass


def requests(*steps: int) -> list[DrawingRequest]:
    return [DrawingRequest("", seed, steps=count) for seed, count in enumerate(steps)]


def greys(pictures: list[Image.Image]) -> list[int]:
    return [picture.getpixel((0, 0))[0] for picture in pictures]  # type: ignore[index]


def test_pictures_come_in_the_order_of_the_requests_whichever_is_done_first() -> None:
    assert greys(draw_all(Counter(), requests(3, 1, 2))) == [0, 1, 2]


def test_no_more_are_drawn_at_once_than_was_said() -> None:
    family = Counter()
    assert greys(draw_all(family, requests(1, 1, 1, 1, 1), width=2)) == [0, 1, 2, 3, 4]
    assert family.widths == [2, 2, 1]


def test_those_that_are_done_are_left_out_of_the_next_step() -> None:
    family = Counter()
    draw_all(family, requests(3, 1, 2))
    assert family.widths == [3, 2, 1]


def test_a_sheet_is_filled_row_by_row() -> None:
    sheet = draw_sheet(Counter(), requests(1, 1, 1, 1, 1), columns=2)
    assert sheet.size == (4, 6)
    assert [sheet.getpixel((2 * column, 2 * row)) for row in range(3) for column in range(2)] == [
        *((grey,) * 3 for grey in range(5)),
        (255, 255, 255),
    ]


def test_each_lies_in_the_middle_of_its_cell_and_cells_are_apart_by_the_gap() -> None:
    wide, high = Image.new("RGB", (4, 2)), Image.new("RGB", (2, 6))
    sheet = np.asarray(sheet_of([wide, None, high], 3, 2, (4, 6), gap_px=3, ground=(128, 0, 0)))
    assert sheet.shape == (15, 11, 3)
    expected = np.full_like(sheet, (128, 0, 0))
    expected[2:4, 0:4] = expected[9:15, 1:3] = 0
    assert np.array_equal(sheet, expected)


def test_drawings_of_several_sizes_have_cells_as_large_as_the_largest() -> None:
    sizes = [(4, 2), (2, 6), (1, 1)]
    several = [DrawingRequest("", 0, 1, width=width, height=height) for width, height in sizes]
    sheet = np.asarray(draw_sheet(Counter(), several, columns=3))
    assert sheet.shape == (6, 12, 3)
    assert [int((sheet[:, x : x + 4] == 0).all(-1).sum()) for x in (0, 4, 8)] == [8, 12, 1], "none is cut off"


def test_no_more_than_one_picture_is_held() -> None:
    before: list[weakref.ref[Image.Image]] = []

    def pictures() -> Iterator[Image.Image]:
        for _ in range(4):
            picture = Image.new("RGB", (2, 2))
            assert sum(one() is not None for one in before) <= 1
            before.append(weakref.ref(picture))
            yield picture

    assert sheet_of(pictures(), 4, 2, (2, 2)).size == (4, 4)
    assert len(before) == 4
