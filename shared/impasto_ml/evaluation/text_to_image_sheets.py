"""Sheets for people: what was drawn for each prompt in each style, and the worst copies beside what they resemble."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from PIL import Image, ImageDraw, ImageFont

from impasto_ml.evaluation.copying import NearCopy
from impasto_ml.evaluation.text_to_image_drawing import Asked

ROWS: Final = 16
COLUMNS: Final = 8
_CELL: Final = 128
_GAP: Final = 8
_MARGIN: Final = 210
_HEAD: Final = 28
_INK: Final = (40, 40, 44)
_LETTERS: Final = 30


class ContactSheet:
    """One row a prompt, one column a style; keeps the first picture of each, at most 16 rows and 8 columns."""

    def __init__(self) -> None:
        self._rows: list[str] = []
        self._columns: list[str] = []
        self._cells: dict[tuple[int, int], Image.Image] = {}

    def see(self, asked: Asked, picture: Image.Image) -> None:
        """A drawn picture; it is kept small, or not at all."""
        row = _place(self._rows, asked.prompt, ROWS)
        column = _place(self._columns, asked.style or "", COLUMNS)
        if row is not None and column is not None:
            self._cells.setdefault((row, column), _cell(picture))

    def picture(self) -> Image.Image:
        """The whole sheet, RGB."""
        sheet, pen = _page(len(self._rows), max(1, len(self._columns)))
        for column, style in enumerate(self._columns):
            _write(pen, (_MARGIN + column * (_CELL + _GAP), 8), style)
        for row, prompt in enumerate(self._rows):
            _write(pen, (_GAP, _HEAD + row * (_CELL + _GAP) + _CELL // 2 - 6), prompt)
        for (row, column), cell in self._cells.items():
            sheet.paste(cell, _corner(row, column))
        return sheet


def copies_sheet(copies: Sequence[NearCopy], drawn: Sequence[Image.Image], works: Sequence[Image.Image]) -> Image.Image:
    """One row a pair: the drawn picture, and the work that it is nearest to."""
    sheet, pen = _page(len(copies), 2)
    for column, head in enumerate(("drawn", "nearest work")):
        _write(pen, (_MARGIN + column * (_CELL + _GAP), 8), head)
    for row, (copy, left, right) in enumerate(zip(copies, drawn, works, strict=True)):
        _write(pen, (_GAP, _HEAD + row * (_CELL + _GAP) + _CELL // 2 - 14), copy.work)
        _write(pen, (_GAP, _HEAD + row * (_CELL + _GAP) + _CELL // 2 + 4), f"similarity {copy.similarity:.3f}")
        sheet.paste(_cell(left), _corner(row, 0))
        sheet.paste(_cell(right), _corner(row, 1))
    return sheet


def _place(known: list[str], name: str, most: int) -> int | None:
    if name not in known:
        if len(known) == most:
            return None
        known.append(name)
    return known.index(name)


def _page(rows: int, columns: int) -> tuple[Image.Image, ImageDraw.ImageDraw]:
    size = (_MARGIN + columns * (_CELL + _GAP), _HEAD + max(1, rows) * (_CELL + _GAP))
    sheet = Image.new("RGB", size, "white")
    return sheet, ImageDraw.Draw(sheet)


def _corner(row: int, column: int) -> tuple[int, int]:
    return _MARGIN + column * (_CELL + _GAP), _HEAD + row * (_CELL + _GAP)


def _cell(picture: Image.Image) -> Image.Image:
    cell = Image.new("RGB", (_CELL, _CELL), "white")
    small = picture.convert("RGB")
    scale = _CELL / max(small.size)
    width, height = (max(1, round(side * scale)) for side in small.size)
    way = Image.Resampling.NEAREST if scale >= 1 else Image.Resampling.LANCZOS
    cell.paste(small.resize((width, height), way), ((_CELL - width) // 2, (_CELL - height) // 2))
    return cell


def _write(pen: ImageDraw.ImageDraw, corner: tuple[int, int], text: str) -> None:
    short = text if len(text) <= _LETTERS else text[: _LETTERS - 1] + "…"
    pen.text(corner, short, _INK, font=ImageFont.load_default(12))
