"""All pictures of a job on one sheet: a row for each prompt and seed, a column for each style."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from PIL import Image

_MOST_CELL_PX: Final = 256
_GAP_PX: Final = 4


def lay_out(pictures: Sequence[Path], columns: int, out: Path) -> Path:
    """Writes the sheet (PNG), row by row; pictures larger than 256 px are shown smaller. Holds one at a time."""
    sheet, cell = None, (0, 0)
    for number, path in enumerate(pictures):
        with Image.open(path) as picture:
            shown = picture.convert("RGB")
        shown.thumbnail((_MOST_CELL_PX, _MOST_CELL_PX), Image.Resampling.LANCZOS)
        if sheet is None:
            rows = -(-len(pictures) // columns)
            cell = shown.width + _GAP_PX, shown.height + _GAP_PX
            sheet = Image.new("RGB", (columns * cell[0] - _GAP_PX, rows * cell[1] - _GAP_PX), "white")
        row, column = divmod(number, columns)
        sheet.paste(shown, (column * cell[0], row * cell[1]))
    assert sheet is not None
    sheet.save(out, "PNG")
    return out
