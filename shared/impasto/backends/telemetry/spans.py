"""Spans, as the code that makes them sees them. Without a collector each of these calls does nothing.

Names and attributes follow the semantic conventions of OpenTelemetry where those have one, and begin with `impasto.`
where they do not. They are identifiers, kinds, counts and sizes: nothing that a customer wrote.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Final, Literal, Protocol, Self

SpanKind = Literal["internal", "server", "client", "producer", "consumer"]
Attributes = Mapping[str, str | int | float | bool]


class Span(Protocol):
    """What is under way from `with` to its end; spans that are made meanwhile in this context are its children."""

    @property
    def traceparent(self) -> str | None:
        """Its context, for whoever goes on with the trace elsewhere; None if nothing is recorded."""
        ...

    def set(self, attributes: Attributes) -> None: ...

    def rename(self, name: str) -> None: ...

    def fail(self, kind: str) -> None:
        """It went wrong, in this way: a code or a type, and no words."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(self, *_: object) -> None: ...


class Recorder(Protocol):
    """Where spans go."""

    def span(
        self, name: str, kind: SpanKind, parent: str | None, link: str | None, attributes: Attributes | None
    ) -> Span: ...

    def past(
        self, name: str, kind: SpanKind, parent: str | None, began_ns: int, attributes: Attributes | None
    ) -> None: ...

    def current(self) -> Span: ...

    def close(self) -> None: ...


class NoSpan:
    """The one span of a process that records none."""

    traceparent: Final = None

    def set(self, attributes: Attributes) -> None:
        pass

    def rename(self, name: str) -> None:
        pass

    def fail(self, kind: str) -> None:
        pass

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass


NO_SPAN: Final = NoSpan()
_recorder: Recorder | None = None


def record_by(recorder: Recorder) -> None:
    """From here on spans are recorded."""
    global _recorder
    _recorder = recorder


def stop_recording() -> None:
    """Sends what waits, and records nothing more."""
    global _recorder
    ending, _recorder = _recorder, None
    if ending is not None:
        ending.close()


def recorded() -> bool:
    """Whether spans are recorded: to ask before what is to be said of one is put together at a cost."""
    return _recorder is not None


def span(
    name: str,
    kind: SpanKind = "internal",
    *,
    parent: str | None = None,
    link: str | None = None,
    attributes: Attributes | None = None,
) -> Span:
    """A span to be used in a `with`: of the trace of `parent`, a traceparent, or of the span that is under way here.

    `link`: another traceparent, which had to do with this.
    """
    return NO_SPAN if _recorder is None else _recorder.span(name, kind, parent, link, attributes)


def current() -> Span:
    """The span that is under way here."""
    return NO_SPAN if _recorder is None else _recorder.current()


def moment_ns() -> int:
    """Now, for `past`; 0 if nothing is recorded."""
    return 0 if _recorder is None else time.time_ns()


def past(
    name: str,
    kind: SpanKind = "internal",
    *,
    parent: str | None,
    began_ns: int,
    attributes: Attributes | None = None,
) -> None:
    """A span that began at `began_ns` of `moment_ns` and ends now: of which trace it is was not known before."""
    if _recorder is not None and began_ns:
        _recorder.past(name, kind, parent, began_ns, attributes)
