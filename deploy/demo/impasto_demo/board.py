"""What the terminal shows while the demonstration runs: one row a step, and a clock that never stops."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

Report = Callable[[float, float, str], None]


@dataclass(slots=True)
class Board:
    """Rows of progress. `stages`: what was measured, in the order it ended: (name, seconds)."""

    console: Console
    stages: list[tuple[str, float]] = field(default_factory=list)
    began: float = field(default_factory=time.monotonic)
    _rows: Progress = field(init=False)

    def __post_init__(self) -> None:
        self._rows = Progress(
            TextColumn("{task.description:<34}"),
            BarColumn(bar_width=28, complete_style="cyan", finished_style="green"),
            TimeElapsedColumn(),
            TextColumn("[dim]{task.fields[note]}", justify="left"),
            console=self.console,
        )

    def __enter__(self) -> Self:
        self._rows.start()
        self._rows.add_task("[bold]Everything", total=None, note="")
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._rows.stop()

    @property
    def seconds(self) -> float:
        """Since the board was made."""
        return time.monotonic() - self.began

    @contextmanager
    def stage(self, title: str) -> Iterator[Report]:
        """A step; the block is given a function to tell (done, of, note)."""
        row = self._rows.add_task(title, total=None, note="")

        def report(done: float, of: float, note: str = "") -> None:
            self._rows.update(row, completed=done, total=of, note=note)

        started = time.monotonic()
        yield report
        took = time.monotonic() - started
        self.stages.append((title, round(took, 2)))
        self._rows.update(row, completed=1, total=1, note="", refresh=True)
        self._rows.stop_task(row)
