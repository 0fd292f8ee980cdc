"""Watching a job or a pipeline: its event stream, taken up where it broke, or questions where none gets through."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from pydantic import BaseModel

from impasto.client.answers import checked, unreachable
from impasto.client.event_stream import EventStream, Message
from impasto.client.flow import Answer, Broken, Emit, Flow, NextChunk, Open, Request, Sleep
from impasto.client.resources import fetch, place
from impasto.client.retrying import Retries, retry_after
from impasto.errors import Unavailable
from impasto.jobs import FINAL_STATES, JobEvent, JobRecord, Progress

# A gateway sends a comment every few seconds; a stream that is silent for longer goes nowhere.
SILENCE_S: Final = 25.0
# How long a platform may be gone (a restart, a deployment) before watching gives up.
PATIENCE_S: Final = 180.0
_BREAKS: Final = Retries(longest_s=4.0)
_TIRED_OF_STREAMS: Final = 3

Watched = JobEvent | Progress | JobRecord


@dataclass(frozen=True, slots=True)
class Subject:
    """What is watched: where it is, and what is said of it.

    `resumes`: its log may go on after a final event, so that only the end of the stream is the end.
    """

    what: str
    record: type[BaseModel]
    event: type[BaseModel]
    progress: type[BaseModel]
    resumes: bool = False

    def ends_with(self, event_type: str) -> bool:
        return event_type in {f"{self.what}.{state.value}" for state in FINAL_STATES}


JOB: Final = Subject("job", JobRecord, JobEvent, Progress)


@dataclass(slots=True)
class _Place:
    """How far the reader is, and how it has fared. `final`: the last event may be the very last."""

    subject: Subject
    identifier: str
    number: int
    deadline: float | None
    ended: bool = False
    breaks: int = 0
    heard_at: float = 0.0
    final: bool = False

    def place(self, *parts: str) -> tuple[str, ...]:
        return (f"{self.subject.what}s", self.identifier, *parts)

    def check_deadline(self) -> None:
        if self.deadline is not None and time.monotonic() >= self.deadline:
            raise TimeoutError(f"{self.identifier} has not ended in the time given; it goes on")

    def silence_s(self) -> float:
        if self.deadline is None:
            return SILENCE_S
        return min(SILENCE_S, max(0.5, (self.deadline - time.monotonic()) / 2))

    def heard(self) -> None:
        self.heard_at, self.breaks = time.monotonic(), 0


def watching(identifier: str, *, after: int = 0, timeout_s: float | None = None, subject: Subject = JOB) -> Flow[None]:
    """Emits the job's (or pipeline's) events after that number and its progress until it ends.

    Whenever the stream breaks, the record is asked for and emitted; a final one ends the watch.

    Raises:
        NotFound: there is no such thing.
        Unavailable: the platform was gone for three minutes.
        TimeoutError: it has not ended in `timeout_s`; it goes on.
    """
    now = time.monotonic()
    reader = _Place(subject, identifier, after, None if timeout_s is None else now + timeout_s, heard_at=now)
    while not reader.ended:
        broken = yield from _listen(reader)
        if reader.ended:
            return
        reader.check_deadline()
        yield from _ask(reader)
        if not reader.ended:
            yield from _rest(reader, broken)


def waiting(
    job_id: str,
    timeout_s: float | None = None,
    on_progress: Callable[[Progress], None] | None = None,
    on_event: Callable[[JobEvent], None] | None = None,
) -> Flow[JobRecord]:
    """The job's final record. Raises as `watching` does; a failed job is a record, not an error."""
    steps = watching(job_id, timeout_s=timeout_s)
    got = None
    while True:
        try:
            step = steps.send(got)
        except StopIteration:
            break
        if not isinstance(step, Emit):
            got = yield step
            continue
        got = None
        if isinstance(step.value, JobRecord) and step.value.state.is_final:
            return step.value
        if on_event and isinstance(step.value, JobEvent):
            on_event(step.value)
        progress = step.value.progress if isinstance(step.value, JobRecord) else step.value
        if on_progress and isinstance(progress, Progress):
            on_progress(progress)
    return (yield from fetch(JobRecord, "jobs", job_id))


def _listen(reader: _Place) -> Flow[Answer | Broken | None]:
    headers = {"Accept": "text/event-stream"} | ({"Last-Event-ID": str(reader.number)} if reader.number else {})
    path = place(*reader.place("events"))
    opened: Answer | Broken = yield Open(Request("GET", path, headers=headers, read_s=reader.silence_s()))
    if isinstance(opened, Broken) or opened.status in {429, 502, 503, 504}:
        return opened
    checked(opened)
    stream = EventStream()
    while True:
        chunk: bytes | Broken = yield NextChunk()
        if isinstance(chunk, Broken):
            return chunk
        if not chunk:
            reader.ended = reader.final and reader.subject.resumes
            return None
        for message in stream.feed(chunk):
            yield from _tell(reader, message)
            if reader.ended:
                return None
        reader.check_deadline()


def _tell(reader: _Place, message: Message) -> Flow[None]:
    reader.heard()
    if message.event == "progress":
        yield Emit(reader.subject.progress.model_validate_json(message.data))
        return
    event: Any = reader.subject.event.model_validate_json(message.data)
    if event.number <= reader.number:
        return
    reader.number = event.number
    reader.final = reader.subject.ends_with(event.type)
    reader.ended = reader.final and not reader.subject.resumes
    yield Emit(event)


def _ask(reader: _Place) -> Flow[None]:
    try:
        record: Any = yield from fetch(reader.subject.record, *reader.place())
    except Unavailable:
        if time.monotonic() - reader.heard_at > PATIENCE_S:
            raise
        return
    reader.heard_at = time.monotonic()
    # A final record does not end the watch at once: the stream may still have the last events to tell.
    reader.ended = record.state.is_final and reader.breaks >= _TIRED_OF_STREAMS
    yield Emit(record)


def _rest(reader: _Place, broken: Answer | Broken | None) -> Flow[None]:
    if isinstance(broken, Broken) and broken.silent:
        reader.breaks += 1
        return
    pause = max(_BREAKS.pause(reader.breaks), retry_after(broken) if broken else 0.0)
    reader.breaks += 1
    if reader.deadline is not None:
        pause = min(pause, max(0.0, reader.deadline - time.monotonic()))
    if isinstance(broken, Broken) and time.monotonic() - reader.heard_at > PATIENCE_S:
        raise unreachable(broken)
    yield Sleep(pause)
