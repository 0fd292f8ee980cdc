"""Many pictures of one size as one sheet, and drawing them to the end."""

from __future__ import annotations

from collections.abc import Sequence
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
    """The requests' pictures as a sheet, row by row."""
    return sheet_of(draw_all(drawer, requests), columns)


def sheet_of(pictures: Sequence[Image.Image], columns: int, gap_px: int = 0) -> Image.Image:
    """Pictures in rows of `columns`, each in a cell as large as the largest, on white."""
    wide, high = max(picture.width for picture in pictures), max(picture.height for picture in pictures)
    rows = -(-len(pictures) // columns)
    sheet = Image.new("RGB", (columns * (wide + gap_px) - gap_px, rows * (high + gap_px) - gap_px), "white")
    for number, picture in enumerate(pictures):
        row, column = divmod(number, columns)
        sheet.paste(picture, (column * (wide + gap_px), row * (high + gap_px)))
    return sheet
