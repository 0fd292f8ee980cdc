"""References: `$steps.<step>.<field>` in the params of a step stands for what that step's result will hold there."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

BEGIN: Final = "$steps"
_REFERENCE: Final = re.compile(r"\$steps\.([a-z][a-z0-9_-]*)((?:\.[A-Za-z0-9_-]+)+)")
DEEPEST: Final = 20

Place = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Reference:
    """Where in the params it is, and what it names; without a step if it cannot be read."""

    place: Place
    text: str
    step: str = ""
    path: tuple[str, ...] = ()

    def __str__(self) -> str:
        return self.text


def references_in(params: Any, place: Place = ()) -> Iterator[Reference]:
    """Every text in the params that is a reference, or begins like one.

    Raises:
        RecursionError: the params are deeper than any kind's.
    """
    if len(place) > DEEPEST:
        raise RecursionError
    if isinstance(params, str):
        if params.startswith(BEGIN):
            yield _read(params, place)
    elif isinstance(params, dict):
        for key, item in params.items():
            if key.startswith(BEGIN):
                yield Reference((*place, key), key)
            yield from references_in(item, (*place, key))
    elif isinstance(params, list):
        for number, item in enumerate(params):
            yield from references_in(item, (*place, number))


def replaced(params: Any, give: Callable[[Reference], Any]) -> Any:
    """The same params, with what `give` gives for each reference in its place."""
    if isinstance(params, str):
        return give(_read(params, ())) if params.startswith(BEGIN) else params
    if isinstance(params, dict):
        return {key: replaced(item, give) for key, item in params.items()}
    if isinstance(params, list):
        return [replaced(item, give) for item in params]
    return params


def dotted(place: Place) -> str:
    """A place as it is written in messages: `mix.works.0`."""
    return ".".join(map(str, place))


def _read(text: str, place: Place) -> Reference:
    match = _REFERENCE.fullmatch(text)
    if match is None:
        return Reference(place, text)
    return Reference(place, text, match[1], tuple(match[2][1:].split(".")))
