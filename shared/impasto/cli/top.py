"""`impasto top`: queues and workers, live."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import click

from impasto.cli import words
from impasto.cli.session import Session, command

if TYPE_CHECKING:
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    from impasto.workers import QueueStatus, WorkerStatus

# A queue that has waited so long is worth a look; the alert comes at the same age.
_LATE_S = 60.0
_SHOWN_KINDS = 4


@click.command(short_help="Show queues and workers as they change.")
@click.option("--once", is_flag=True, help="Show them once and leave, as without a terminal.")
@click.option(
    "--every", default=2.0, show_default=True, type=click.FloatRange(0.2, 3600), help="Seconds between looks."
)
@command
def top(session: Session, once: bool, every: float) -> None:
    """Show what waits and runs in every queue, and every worker. Needs a key with scope `operate`.

    Ctrl-C leaves. With --json or without a terminal it is shown once.
    """
    if session.as_json:
        queues, workers = _look(session)
        session.json({"queues": queues, "workers": workers})
    elif once or not session.out.is_terminal:
        session.print(draw(*_look(session)))
    else:
        _watch(session, every)


def _look(session: Session) -> tuple[list[QueueStatus], list[WorkerStatus]]:
    return list(session.client.queues.list()), list(session.client.workers.list())


def _watch(session: Session, every_s: float) -> None:
    from rich.live import Live

    with Live(draw(*_look(session)), console=session.out, screen=True, auto_refresh=False) as live:
        while True:
            time.sleep(every_s)
            live.update(draw(*_look(session)), refresh=True)


def draw(queues: list[QueueStatus], workers: list[WorkerStatus]) -> Group:
    """Two tables, one under the other."""
    from rich.console import Group
    from rich.text import Text

    return Group(_queues(queues), Text(), _workers(workers))


def _queues(queues: list[QueueStatus]) -> Table:
    table = _table("QUEUE", "#QUEUED", "#RUNNING", "#OLDEST", "#WORKERS", "#IDLE")
    for queue in queues:
        late = (queue.oldest_queued_s or 0.0) > _LATE_S
        missing = queue.queued > 0 and queue.workers == 0
        table.add_row(
            _text(queue.name),
            _text(f"{queue.queued:,}", "cyan" if queue.queued else "dim"),
            _text(f"{queue.running:,}", "blue" if queue.running else "dim"),
            _text(words.span(queue.oldest_queued_s) if queue.oldest_queued_s else "", "red" if late else ""),
            _text(str(queue.workers), "red" if missing else ""),
            _text(str(queue.idle_workers)),
        )
    return table


def _workers(workers: list[WorkerStatus]) -> Table:
    table = _table("WORKER", "HOST", "DEVICE", "#RUNNING", "MEMORY", "QUEUES", "CHECKPOINTS", "SEEN")
    for worker in workers:
        table.add_row(
            _text(worker.name),
            _text(worker.host),
            _text(worker.device),
            _text(f"{worker.running} of {worker.slots}", "blue" if worker.running else "dim"),
            _text(_memory(worker)),
            _text(", ".join(worker.queues)),
            _text(_some(worker.checkpoints)),
            _text(f"{words.span(worker.seen_s)} ago", "" if worker.alive else "red"),
        )
    return table


def _memory(worker: WorkerStatus) -> str:
    if worker.memory_used_bytes is None:
        return ""
    whole = f" of {words.size(worker.memory_bytes)}" if worker.memory_bytes else ""
    return words.size(worker.memory_used_bytes) + whole


def _some(names: list[str]) -> str:
    more = len(names) - _SHOWN_KINDS
    return ", ".join(names[:_SHOWN_KINDS]) + (f" and {more} more" if more > 0 else "")


def _table(*columns: str) -> Table:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for column in columns:
        table.add_column(column.removeprefix("#"), justify="right" if column.startswith("#") else "left", no_wrap=True)
    return table


def _text(text: str, style: str = "") -> Text:
    # As Text: a name is never read as rich's markup.
    from rich.text import Text

    return Text(text, style=style)
