"""Tables and fact lists on stdout: aligned, unboxed, never wrapped inside an identifier."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from impasto.cli import words
from impasto.cli.session import Session

# rich takes a while to load; the commands that print JSON or help do without it.
if TYPE_CHECKING:
    from rich.console import RenderableType

STATE_COLOURS = {"queued": "cyan", "running": "blue", "succeeded": "green", "failed": "red", "canceled": "yellow"}


def table(session: Session, columns: Sequence[str], rows: Iterable[Sequence[Any]], empty: str) -> None:
    """A table; a heading that begins with `#` is a number and set to the right. `empty` is said if there is no row."""
    from rich.table import Table

    drawn = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for index, column in enumerate(columns):
        number = column.startswith("#")
        last = index == len(columns) - 1
        drawn.add_column(
            column.removeprefix("#"),
            justify="right" if number else "left",
            no_wrap=True,
            overflow="ellipsis" if last else "fold",
        )
    for row in rows:
        drawn.add_row(*(_cell(value) for value in row))
    if drawn.row_count:
        session.print(drawn)
    else:
        session.note(empty)


def facts(session: Session, pairs: Mapping[str, Any]) -> None:
    """A list of `name  value`; those without a value are left out."""
    from rich.table import Table

    drawn = Table(box=None, pad_edge=False, show_header=False, padding=(0, 2, 0, 0))
    drawn.add_column(style="dim", no_wrap=True)
    drawn.add_column(overflow="fold")
    for name, value in pairs.items():
        if value is not None and value != "":
            drawn.add_row(name, _cell(value))
    session.print(drawn)


def flat(values: Mapping[str, Any], above: str = "") -> dict[str, str]:
    """Nested values under dotted names, each on one line; empty ones are left out."""
    found: dict[str, str] = {}
    for name, value in values.items():
        if isinstance(value, Mapping):
            found |= flat(value, f"{above}{name}.")
        elif value not in (None, "", [], ()):
            said = ", ".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)
            found[above + name] = words.short(said, 100)
    return found


def state(name: str) -> RenderableType:
    """A job's state in its colour."""
    from rich.text import Text

    return Text(name, style=STATE_COLOURS.get(name, ""))


def _cell(value: Any) -> RenderableType:
    from rich.console import ConsoleRenderable
    from rich.text import Text

    # As Text: what users wrote is never read as rich's markup.
    return value if isinstance(value, ConsoleRenderable) else Text(f"{value:,}" if type(value) is int else str(value))
