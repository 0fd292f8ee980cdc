"""The platform's parts on a terminal: starting, running, and what `doctor` finds."""

from __future__ import annotations

import time
from collections.abc import Iterable

from rich.console import Console
from rich.live import Live
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from impasto.embedded.doctor import Finding
from impasto.embedded.state import PartState, State

_COLOURS = {"ready": "green", "done": "green", "starting": "cyan", "waiting": "dim", "backoff": "yellow"}


class Starting:
    """Shows each part with a spinner and its seconds; without a terminal, one line when a part is ready."""

    def __init__(self) -> None:
        self._console = Console(stderr=True)
        self._live = Live(console=self._console, refresh_per_second=10, transient=False)
        self._spinners: dict[str, Spinner] = {}
        self._began: dict[str, float] = {}
        self._said: set[str] = set()

    def __enter__(self) -> Starting:
        if self._console.is_terminal:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._console.is_terminal:
            self._live.stop()

    def show(self, state: State) -> None:
        """Draws the state as it is now."""
        for name, part in state.parts.items():
            if part.status == "starting":
                self._began.setdefault(name, part.since)
            if not self._console.is_terminal and part.well and name not in self._said:
                self._said.add(name)
                self._console.print(f"  {name:<18} {part.status}  {self._seconds(name, part):4.1f} s", highlight=False)
        if self._console.is_terminal:
            self._live.update(self._table(state))

    def _table(self, state: State) -> Table:
        table = Table.grid(padding=(0, 2))
        for name, part in state.parts.items():
            mark: Text | Spinner = Text("✓", "green") if part.well else Text("·", "dim")
            if part.status in ("starting", "backoff"):
                mark = self._spinners.setdefault(name, Spinner("dots"))
            seconds = "" if part.status == "waiting" else f"{self._seconds(name, part):.1f} s"
            table.add_row(mark, name, Text(part.status, _COLOURS.get(part.status, "red")), Text(seconds, "dim"))
        return table

    def _seconds(self, name: str, part: PartState) -> float:
        ended = part.since if part.well else time.time()
        return max(0.0, ended - self._began.get(name, part.since))


def parts_table(state: State) -> Table:
    """What runs now."""
    table = Table(title=f"{state.about.get('url', '')}", title_justify="left", box=None)
    metrics: dict[str, int] = state.about.get("metrics", {})
    for heading in ("part", "state", "process", "for", "restarts", "metrics"):
        table.add_column(heading)
    for name, part in state.parts.items():
        age = "" if part.status == "done" else f"{time.time() - part.since:.0f} s"
        colour = _COLOURS.get(part.status, "red")
        restarts, port = str(part.restarts or ""), metrics.get(name)
        where = f"127.0.0.1:{port}/metrics" if port else ""
        table.add_row(name, Text(part.status, colour), str(part.pid or ""), age, restarts, where)
    return table


def findings_table(findings: Iterable[Finding]) -> Table:
    """What `doctor` found, each with what to do when it is in the way."""
    table = Table.grid(padding=(0, 2))
    for finding in findings:
        mark = Text("✓", "green") if finding.ok else Text("✗", "red")
        table.add_row(mark, finding.name, finding.detail)
        if finding.todo:
            table.add_row("", "", Text(f"→ {finding.todo}", "yellow"))
    return table


def show(table: Table) -> None:
    """Prints a table on standard output."""
    Console().print(table)
