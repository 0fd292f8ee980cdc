"""All pictures of a job on one sheet: a row for each prompt and seed, a column for each style."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from PIL import Image

from impasto_ml.data.pictures import FORMATS
from impasto_ml.sampling.sheets import sheet_of

_MOST_CELL_PX: Final = 256
_GAP_PX: Final = 4


def lay_out(pictures: Sequence[Path], columns: int, out: Path) -> Path:
    """Writes the sheet (PNG), row by row; pictures larger than 256 px are shown smaller. Holds one at a time.

    All pictures of a job are of one size.
    """
    cell = _shown(pictures[0]).size
    sheet_of(map(_shown, pictures), len(pictures), columns, cell, _GAP_PX).save(out, "PNG")
    return out


def _shown(path: Path) -> Image.Image:
    with Image.open(path, formats=FORMATS) as picture:
        shown = picture.convert("RGB")
    shown.thumbnail((_MOST_CELL_PX, _MOST_CELL_PX), Image.Resampling.LANCZOS)
    return shown
