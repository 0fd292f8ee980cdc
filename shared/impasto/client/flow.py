"""Flows: what the client does, as generators that yield steps and are sent what came of them; no input or output here.

A flow yields `Request`, `Sleep`, `Open`, `NextChunk` or `Emit`. A transport performs the step and sends the outcome
back: an `Answer` or a `Broken` for the first and for `Open`, bytes or a `Broken` for `NextChunk` (no bytes: the end).
So retries, pages, reconnecting and checks exist once, for both the blocking and the asynchronous client.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TypeVar

T = TypeVar("T")
Flow = Generator["Step", Any, T]

USUAL_READ_S: Final = 60.0


@dataclass(frozen=True, slots=True)
class FilePart:
    """A file to send, read from disk while it is sent."""

    name: str
    path: Path


@dataclass(frozen=True, slots=True)
class Form:
    """A multipart body: fields that hold for every file, the files, and JSON lines about single files."""

    fields: Mapping[str, str]
    files: tuple[FilePart, ...]
    metadata: str = ""


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request.

    `repeatable`: sending it twice does no harm, so an unknown outcome may be tried again.
    `patient`: worth trying again when nothing answers (not so where there is another way).
    `file`: the body, read from disk while it is sent; `on_sent` is told how many bytes of it are.
    """

    method: str
    path: str
    query: Mapping[str, str | int | list[str]] = field(default_factory=dict)
    body: Mapping[str, Any] | None = None
    form: Form | None = None
    file: Path | None = None
    on_sent: Callable[[int], None] | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    origin: str | None = None
    repeatable: bool = True
    patient: bool = True
    read_s: float = USUAL_READ_S


@dataclass(frozen=True, slots=True)
class Answer:
    """What the platform said; the content of an opened stream is empty here and comes in chunks."""

    status: int
    headers: Mapping[str, str]
    content: bytes = b""


@dataclass(frozen=True, slots=True)
class Broken:
    """There was no answer, or it broke off. `sent`: the platform may have acted. `silent`: nothing came for a time."""

    reason: str
    url: str
    sent: bool = True
    silent: bool = False


@dataclass(frozen=True, slots=True)
class Sleep:
    """Wait this long."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Open:
    """Send the request and leave its body to be read by `NextChunk`; an error's body is read at once.

    `retried`: if the connection breaks before there is an answer, it is opened again. An answer, also one that says to
    come later, is the flow's; so is all of a flow that knows its place in the stream.
    """

    request: Request
    retried: bool = False


@dataclass(frozen=True, slots=True)
class NextChunk:
    """The next bytes of the opened body."""


@dataclass(frozen=True, slots=True)
class Emit:
    """Hand a value to whoever iterates."""

    value: Any


Step = Request | Sleep | Open | NextChunk | Emit
