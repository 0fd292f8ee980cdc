"""A part of the operators' page: a heading and a list that lives, or why there is none."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from nicegui import ui
from pydantic import BaseModel

from impasto.errors import AccessDenied, ImpastoError, NotFound
from impasto_studio.pieces.basic import box, words
from impasto_studio.pieces.rows import Clocks, Rows
from impasto_studio.pieces.states import bones, empty, fault, signed_out
from impasto_studio.words import say

R = TypeVar("R", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Nothing:
    """Title and note of a list that is empty, and of one that this key may not see."""

    image: str
    empty: tuple[str, str]
    closed: tuple[str, str]


class Section(Generic[R]):
    """One that this platform or this key does not have is told as such, and hurts no other."""

    def __init__(
        self,
        name: str,
        ask: Callable[[], Awaitable[list[R]]],
        key: Callable[[R], str],
        draw: Callable[[R, Clocks], ui.element],
        nothing: Nothing,
        look: str = "rows",
    ) -> None:
        self._ask, self._nothing = ask, nothing
        with box("section", "section"):
            words(say(f"operators.{name}"), "heading")
            place = box("rows-place")
            with place:
                bones(2, "bone row-bone")
        self._rows = Rows(place, key, draw, look)

    async def load(self) -> None:
        """Asks anew; what has stayed the same stays as it is."""
        try:
            found = await self._ask()
        except ImpastoError as error:
            if not signed_out(error):
                self._refused(error)
            return
        if found:
            self._rows.show(found)
        else:
            self._say(self._nothing.empty, self._nothing.image)

    def _refused(self, error: ImpastoError) -> None:
        if isinstance(error, NotFound):
            self._say((say("operators.absent"), say("operators.absent.note")), "operators")
        elif isinstance(error, AccessDenied):
            self._say(self._nothing.closed, "operators")
        else:
            self._rows.instead(str(error), lambda: fault(error, self.load))

    def _say(self, told: tuple[str, str], image: str) -> None:
        self._rows.instead(told[0], lambda: empty(*told, image))
