"""Conditions of steps: measures compared with numbers, joined by `and` and `or`.

    condition  = all { "or" all }
    all        = one { "and" one }
    one        = measure ("<" | "<=" | ">" | ">=" | "==" | "!=") number | "(" condition ")"
    measure    = step "." field { "." field }

Nothing else can be said, so nothing has to be forbidden: a text is read into these few forms and never run.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

_TOKEN: Final = re.compile(
    r"\s*(?:(?P<measure>[a-z][a-z0-9_-]*(?:\.[A-Za-z0-9_-]+)+)"
    r"|(?P<word>and|or)\b"
    r"|(?P<number>[+-]?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)"
    r"|(?P<comparison><=|>=|==|!=|<|>)"
    r"|(?P<bracket>[()]))"
)
_COMPARE: Final[dict[str, Callable[[float, float], bool]]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
}
_DEEPEST: Final = 20


class NotACondition(ValueError):
    """The text cannot be read; the message says where."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """`step.path comparison number`."""

    step: str
    path: tuple[str, ...]
    comparison: str
    number: float

    @property
    def measure(self) -> str:
        return ".".join((self.step, *self.path))

    def __str__(self) -> str:
        return f"{self.measure} {self.comparison} {self.number:g}"


@dataclass(frozen=True, slots=True)
class Joined:
    """Conditions of which every one (`and`) or one (`or`) must hold."""

    by: str
    parts: tuple[Condition, ...]


Condition = Comparison | Joined
# What a measure came out as; None if it was not taken.
Measured = Callable[[Comparison], float | None]


def parse(text: str) -> Condition:
    """Reads a condition.

    Raises:
        NotACondition: it cannot be read.
    """
    reader = _Reader(text)
    found = reader.condition(0)
    if reader.kind:
        raise reader.fault("the end, `and` or `or`")
    return found


def comparisons(condition: Condition) -> Iterator[Comparison]:
    """Every comparison in it, from left to right."""
    if isinstance(condition, Comparison):
        yield condition
    else:
        for part in condition.parts:
            yield from comparisons(part)


def holds(condition: Condition, measured: Measured) -> bool:
    """Whether it holds. No comparison with a measure that was not taken does."""
    if isinstance(condition, Joined):
        return (all if condition.by == "and" else any)(holds(part, measured) for part in condition.parts)
    value = measured(condition)
    return value is not None and _COMPARE[condition.comparison](value, condition.number)


def told(condition: Condition, measured: Measured) -> str:
    """What was measured, for whoever wonders why it does not hold: `evaluate.kid is 0.07`."""
    values = {found.measure: measured(found) for found in comparisons(condition)}
    return ", ".join(
        f"{name} is {value:.6g}" if value is not None else f"{name} was not measured" for name, value in values.items()
    )


class _Reader:
    """Reads token by token; `kind` is empty at the end of the text."""

    def __init__(self, text: str) -> None:
        self._text, self._at = text, 0
        self.kind = self.value = ""
        self._next()

    def fault(self, wanted: str) -> NotACondition:
        found = f"`{self.value}`" if self.kind else "its end"
        return NotACondition(f"{found} at character {self._at - len(self.value) + 1} where {wanted} is expected")

    def condition(self, depth: int) -> Condition:
        return self._joined("or", lambda: self._joined("and", lambda: self._one(depth)))

    def _joined(self, word: str, read: Callable[[], Condition]) -> Condition:
        parts = [read()]
        while (self.kind, self.value) == ("word", word):
            self._next()
            parts.append(read())
        return parts[0] if len(parts) == 1 else Joined(word, tuple(parts))

    def _one(self, depth: int) -> Condition:
        if self.value == "(" and depth < _DEEPEST:
            self._next()
            found = self.condition(depth + 1)
            self._take("bracket", "`)`", ")")
            return found
        step, *path = self._take("measure", "a measure such as `evaluate.accuracy`").split(".")
        comparison = self._take("comparison", "one of < <= > >= == !=")
        return Comparison(step, tuple(path), comparison, float(self._take("number", "a number")))

    def _take(self, kind: str, wanted: str, value: str | None = None) -> str:
        if self.kind != kind or value not in (None, self.value):
            raise self.fault(wanted)
        taken = self.value
        self._next()
        return taken

    def _next(self) -> None:
        match = _TOKEN.match(self._text, self._at)
        if match is not None:
            assert match.lastgroup is not None
            self.kind, self.value, self._at = match.lastgroup, match[match.lastgroup], match.end()
            return
        rest = self._text[self._at :].strip()
        if rest:
            raise NotACondition(f"`{rest[0]}` means nothing in a condition")
        self.kind = self.value = ""
        self._at = len(self._text)
