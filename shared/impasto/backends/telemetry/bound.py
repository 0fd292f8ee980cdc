"""What the log lines of a piece of work have in common, such as its job: bound once, on every line until it ends.

Bound values belong to a context: a request's task or a slot's thread. A thread that works for another is run in a
copy of its context (`contextvars.copy_context`).
"""

from __future__ import annotations

from collections.abc import Mapping
from contextvars import ContextVar, Token
from types import MappingProxyType
from typing import Any, Final

_NOTHING: Final[Mapping[str, Any]] = MappingProxyType({})
_BOUND: Final[ContextVar[Mapping[str, Any]]] = ContextVar("bound", default=_NOTHING)


def bound_values() -> Mapping[str, Any]:
    """All that is bound here."""
    return _BOUND.get()


def bind(**values: str | int | None) -> None:
    """Adds to what is bound, until the `bound` around it ends; what is None is left out."""
    _BOUND.set({**_BOUND.get(), **{name: value for name, value in values.items() if value is not None}})


class bound:
    """Binds for as long as a `with` lasts: identifiers, names and numbers, and never what a customer sent."""

    __slots__ = ("_token", "_values")

    def __init__(self, **values: str | int | None) -> None:
        self._values = values
        self._token: Token[Mapping[str, Any]] | None = None

    def __enter__(self) -> None:
        self._token = _BOUND.set(_BOUND.get())
        bind(**self._values)

    def __exit__(self, *_: object) -> None:
        assert self._token is not None
        _BOUND.reset(self._token)
