"""Waiting for a job in a terminal: a progress bar, or plain lines where nobody watches; Ctrl-C leaves the job alone."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext, suppress
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import click

from impasto.cli import words
from impasto.cli.session import Session
from impasto.errors import ImpastoError

if TYPE_CHECKING:
    from rich.progress import Progress as Bars

    from impasto.client import Job
    from impasto.estimates import Interval, QueueEstimate
    from impasto.jobs import JobEvent, Progress, WaitsFor
    from impasto.kinds.kind import Params

R = TypeVar("R")
INTERRUPTED = 130
_LINE_EVERY_S = 10.0
_GIVEN = ("deadline_s", "start_by_s", "start_after_s", "no_progress_s", "require_worker")

_TOLD = {
    "job.queued": "queued",
    "job.started": "running",
    "job.requeued": "queued again: an attempt was lost",
    "job.cancel_requested": "stopping",
    "job.succeeded": "done",
    "job.failed": "failed",
    "job.canceled": "canceled",
}


def job_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """The options of every command that submits a job; they come as one dict, `job`."""

    @click.option("--wait/--no-wait", default=True, help="Wait for the job, or print its id and leave it to run.")
    @click.option("--priority", type=click.IntRange(-10, 10), default=0, help="Higher goes first; -10 to 10.")
    @click.option(
        "--deadline", "deadline_s", type=click.FloatRange(min=0, min_open=True), metavar="SECONDS", help="Give up then."
    )
    @click.option(
        "--start-by",
        "start_by_s",
        type=click.FloatRange(min=0, min_open=True),
        metavar="SECONDS",
        help="Give up if it has not started then.",
    )
    @click.option(
        "--start-after",
        "start_after_s",
        type=click.FloatRange(min=0, min_open=True),
        metavar="SECONDS",
        help="Do not start before then.",
    )
    @click.option(
        "--no-progress-for",
        "no_progress_s",
        type=click.FloatRange(10, 86400),
        metavar="SECONDS",
        help="Take a computation that tells no progress for so long as hung; 10 to 86400.",
    )
    @click.option("--require-worker", is_flag=True, help="Refuse the job if no live worker can run it.")
    @functools.wraps(function)
    def run(*args: Any, wait: bool, priority: int, **values: Any) -> Any:
        job = {"wait": wait, "priority": priority} | {name: values.pop(name) for name in _GIVEN}
        return function(*args, job=job, **values)

    return run


def submit(session: Session, params: Params, job: dict[str, Any]) -> tuple[Job[Any], Any]:
    """Submits and, unless told otherwise, waits; the job and its result (None if it was left to run).

    Raises:
        JobFailed: the job failed or was canceled.
    """
    options = {"priority": job["priority"]} | {name: job[name] for name in _GIVEN if job[name]}
    submitted = session.client.submit(params, **options)
    if not job["wait"]:
        if session.as_json:
            session.json(submitted.record)
        else:
            click.echo(submitted.id)
            session.note(f"it runs without you; look again with: impasto jobs watch {submitted.id}")
        return submitted, None
    return submitted, wait_for(session, submitted)


def wait_for(session: Session, job: Job[R]) -> R:
    """The job's result, with its progress on stderr.

    Raises:
        JobFailed: the job failed or was canceled.
        click.exceptions.Exit: Ctrl-C; the job goes on.
    """
    session.note(job.id)
    _tell_queue(session, job)
    view = _Bar(session, job.kind) if session.err.is_terminal else _Lines(session)
    try:
        with view.shown():
            return job.wait(on_progress=view.progress, on_event=view.event)
    except KeyboardInterrupt:
        _leave(job.id)


def _tell_queue(session: Session, job: Job[Any]) -> None:
    """Of a job that waits: why, or after how many others and for how long. Not worth failing for."""
    if job.record.state.value != "queued":
        return
    with suppress(ImpastoError):
        record = session.client.jobs.get(job.id, estimate=True)
        if record.waiting_for:
            session.note(waits_for(record.waiting_for))
        elif record.queue and record.queue.position.about > 1:
            session.note(queue_place(record.queue))


def waits_for(missing: WaitsFor) -> str:
    """Why a queued job cannot start, in words."""
    if missing.missing == "queue":
        return f"waits for a worker: no live one consumes the queue {missing.queue}"
    return f"waits for a worker: no live one of the queue {missing.queue} knows the kind {missing.kind}"


def queue_place(queue: QueueEstimate) -> str:
    """A place in the queue and its times, in words."""
    place = queue.position
    between = "" if place.at_least == place.at_most else f" ({place.at_least:,} to {place.at_most:,})"
    start = f", starts in {_span(queue.start_in_s)}" if queue.start_in_s else ""
    end = f", ends in {_span(queue.end_in_s)}" if queue.end_in_s else ""
    return f"about number {place.about:,}{between} in the queue{start}{end}"


def _span(seconds: Interval) -> str:
    low, high = words.span(seconds.p10), words.span(seconds.p90)
    return low if low == high else f"{low} to {high}"


def _leave(job_id: str) -> NoReturn:
    click.echo(f"\n{job_id} goes on without you. Look again: impasto jobs watch {job_id}", err=True)
    raise click.exceptions.Exit(INTERRUPTED)


class _Bar:
    """A spinner, a bar, what is being done, figures and the time, on one line that vanishes at the end."""

    def __init__(self, session: Session, kind: str) -> None:
        from rich.progress import BarColumn, SpinnerColumn, TaskProgressColumn, TextColumn, TimeElapsedColumn
        from rich.progress import Progress as Bars

        self._bars: Bars = Bars(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(24),
            TaskProgressColumn(),
            TextColumn("{task.fields[told]}", style="dim", markup=False),
            TimeElapsedColumn(),
            console=session.err,
            transient=True,
        )
        self._kind = kind
        self._task = self._bars.add_task(f"{kind} queued", total=None, told="")

    def shown(self) -> AbstractContextManager[Any]:
        return self._bars

    def event(self, event: JobEvent) -> None:
        self._bars.update(self._task, description=f"{self._kind} {_TOLD.get(event.type, event.type)}")

    def progress(self, progress: Progress) -> None:
        self._bars.update(self._task, told=told(progress))
        if progress.fraction is not None:
            self._bars.update(self._task, total=1.0, completed=progress.fraction)


class _Lines:
    """A line for each event, and for progress at every tenth or ten seconds."""

    def __init__(self, session: Session) -> None:
        self._session, self._tenth, self._at = session, -1, 0.0

    def shown(self) -> AbstractContextManager[Any]:
        return nullcontext()

    def event(self, event: JobEvent) -> None:
        self._session.note(_TOLD.get(event.type, event.type))

    def progress(self, progress: Progress) -> None:
        tenth, now = int((progress.fraction or 0) * 10), time.monotonic()
        if tenth != self._tenth or now - self._at >= _LINE_EVERY_S:
            self._tenth, self._at = tenth, now
            percent = f"{progress.fraction:4.0%}  " if progress.fraction is not None else ""
            self._session.note(f"{percent}{told(progress)}".rstrip())


def told(progress: Progress) -> str:
    """Message, step and figures of a progress, on one line."""
    step = f"{progress.step:,}/{progress.steps:,}" if progress.step is not None and progress.steps else ""
    figures = " ".join(f"{name} {value:.3g}" for name, value in progress.series.items())
    return "  ".join(part for part in (progress.message, step, figures) if part)
