"""Drawing many pictures to the end, and many pictures as one sheet."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from PIL import Image

from impasto_ml.families.text_to_image import DrawingRequest, TextToImage

_WIDTH = 16


def draw_all(drawer: TextToImage[Any], requests: Sequence[DrawingRequest], width: int = _WIDTH) -> list[Image.Image]:
    """The finished pictures in the order of the requests, at most `width` drawn at once."""
    pictures = []
    for start in range(0, len(requests), width):
        drawings = [drawer.begin(request) for request in requests[start : start + width]]
        while running := [drawing for drawing in drawings if not drawing.done]:
            drawer.denoise_step(running)
        pictures += [drawer.finish(drawing) for drawing in drawings]
    return pictures


def draw_sheet(drawer: TextToImage[Any], requests: Sequence[DrawingRequest], columns: int) -> Image.Image:
    """The requests' pictures as a sheet, row by row, each in a cell as large as the largest."""
    pictures = draw_all(drawer, requests)
    cell = max(picture.width for picture in pictures), max(picture.height for picture in pictures)
    return sheet_of(pictures, len(pictures), columns, cell)


def sheet_of(
    pictures: Iterable[Image.Image | None],
    count: int,
    columns: int,
    cell_px: tuple[int, int],
    gap_px: int = 0,
    ground: str | tuple[int, int, int] = "white",
) -> Image.Image:
    """`count` pictures in rows of `columns`, RGB, each in the middle of a cell of `cell_px` (width, height).

    The cells are `gap_px` apart; `ground` is what shows between pictures, and where one is None. The pictures may come
    one by one: none is held. They must fit their cells.
    """
    step_x, step_y = cell_px[0] + gap_px, cell_px[1] + gap_px
    rows = -(-count // columns)
    sheet = Image.new("RGB", (columns * step_x - gap_px, rows * step_y - gap_px), ground)
    for number, picture in enumerate(pictures):
        if picture is not None:
            row, column = divmod(number, columns)
            left, top = (cell_px[0] - picture.width) // 2, (cell_px[1] - picture.height) // 2
            sheet.paste(picture, (column * step_x + left, row * step_y + top))
    return sheet
