"""Pictures in a terminal: Kitty's, iTerm's or Sixel's way where the terminal has one, else half blocks in colour.

Only on a terminal, only if Pillow is there, never larger than a postcard, and never an error: a picture that cannot be
drawn is simply not drawn. IMPASTO_PICTURES=no turns it off.
"""

from __future__ import annotations

import base64
import io
import os
import shutil
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Literal

# Pillow is not among the client's dependencies.
if TYPE_CHECKING:
    from PIL.Image import Image

Way = Literal["kitty", "iterm", "sixel", "blocks"]
_CELLS = (40, 14)
_CELL_PX = (8, 16)


def show(path: Path) -> None:
    """Shows a picture's file, if it is one and the terminal can."""
    show_bytes(path.read_bytes)


def show_bytes(read: Callable[[], bytes]) -> None:
    """Shows a picture; `read` is called only if there is a terminal to show it on."""
    if not sys.stdout.isatty() or os.environ.get("IMPASTO_PICTURES") == "no" or os.environ.get("TERM") == "dumb":
        return
    try:
        from PIL import Image, UnidentifiedImageError
    except ModuleNotFoundError:
        return
    try:
        with Image.open(io.BytesIO(read())) as picture:
            sys.stdout.write(drawn(picture, terminal_way(os.environ)) + "\n")
    except (UnidentifiedImageError, Image.DecompressionBombError, OSError):
        return


def terminal_way(environment: Mapping[str, str]) -> Way:
    """How this terminal shows pictures, from what it says of itself; multiplexers pass only text on."""
    terminal, program = environment.get("TERM", ""), environment.get("TERM_PROGRAM", "")
    if environment.get("TMUX") or terminal.startswith("screen"):
        return "blocks"
    if environment.get("KITTY_WINDOW_ID") or terminal == "xterm-kitty" or program == "ghostty":
        return "kitty"
    if program in {"iTerm.app", "WezTerm", "vscode"}:
        return "iterm"
    return "sixel" if terminal.startswith(("foot", "mlterm", "contour")) else "blocks"


def drawn(picture: Image, way: Way) -> str:
    """The text that draws the picture."""
    if way == "blocks":
        return _blocks(picture)
    small = _fitted(picture, _CELLS[0] * _CELL_PX[0], _CELLS[1] * _CELL_PX[1])
    return {"kitty": _kitty, "iterm": _iterm, "sixel": _sixel}[way](small)


def _fitted(picture: Image, width: int, height: int) -> Image:
    picture.draft("RGB", (width, height))
    small = picture.convert("RGB")
    small.thumbnail((width, height))
    return small


def _png(picture: Image) -> str:
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    return base64.b64encode(buffer.getvalue()).decode()


def _kitty(picture: Image) -> str:
    """Kitty's graphics protocol: base64 in pieces of 4096, all but the last marked as to be continued."""
    data = _png(picture)
    pieces = [data[start : start + 4096] for start in range(0, len(data), 4096)]
    heads = ["a=T,f=100,", *[""] * (len(pieces) - 1)]
    return "".join(
        f"\x1b_G{head}m={int(index < len(pieces) - 1)};{piece}\x1b\\"
        for index, (head, piece) in enumerate(zip(heads, pieces, strict=True))
    )


def _iterm(picture: Image) -> str:
    return f"\x1b]1337;File=inline=1;preserveAspectRatio=1:{_png(picture)}\x07"


def _sixel(picture: Image) -> str:
    """Sixel: 64 colours; each band of six rows is drawn once for each colour in it, six pixels to a character."""
    flat = picture.quantize(64)
    palette = flat.getpalette() or []
    width, height = flat.size
    pixels = flat.tobytes()
    out = [f'\x1bPq"1;1;{width};{height}']
    for index in range(len(palette) // 3):
        red, green, blue = (round(value * 100 / 255) for value in palette[3 * index : 3 * index + 3])
        out.append(f"#{index};2;{red};{green};{blue}")
    for top in range(0, height, 6):
        rows = [pixels[y * width : (y + 1) * width] for y in range(top, min(top + 6, height))]
        for colour in sorted(set().union(*rows)):
            columns = (sum((row[x] == colour) << bit for bit, row in enumerate(rows)) for x in range(width))
            out.append(f"#{colour}" + "".join(chr(63 + bits) for bits in columns) + "$")
        out.append("-")
    return "".join(out) + "\x1b\\"


def _blocks(picture: Image) -> str:
    """Upper half blocks: two pixels to a character, the upper as its colour and the lower as its ground."""
    columns = min(_CELLS[0], shutil.get_terminal_size().columns)
    small = _fitted(picture, columns, 2 * _CELLS[1])
    if small.height % 2:
        small = small.resize((small.width, small.height + 1))
    data, width, lines = small.tobytes(), small.width, []
    for y in range(0, small.height, 2):
        cells = []
        for x in range(width):
            upper, lower = (3 * (row * width + x) for row in (y, y + 1))
            over, under = (";".join(map(str, data[at : at + 3])) for at in (upper, lower))
            cells.append(f"\x1b[38;2;{over};48;2;{under}m▀")
        lines.append("".join(cells) + "\x1b[0m")
    return "\n".join(lines)
