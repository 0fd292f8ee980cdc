"""A list that is asked for again and again: what stays the same keeps its focus and its half-made click."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from nicegui import ui
from pydantic import BaseModel

from impasto_studio.pieces.basic import Click, Words, box, button, words
from impasto_studio.words import say

R = TypeVar("R", bound=BaseModel)


class Clocks:
    """Texts that change as time goes by: told anew without drawing what is around them."""

    def __init__(self) -> None:
        self._told: list[tuple[Words, Callable[[], str]]] = []

    def words(self, tell: Callable[[], str], look: str) -> None:
        """A text that `tell` gives, now and at every tick."""
        self._told.append((words(tell(), look, "span"), tell))

    def tick(self) -> None:
        """Tells all of them anew; an unchanged one is not sent."""
        for made, tell in self._told:
            if (text := tell()) != made.text:
                made.set_text(text)


@dataclass(frozen=True, slots=True)
class _Row:
    seen: BaseModel
    element: ui.element
    clocks: Clocks


class Rows(Generic[R]):
    """Records in a place of the page, each by what names it; otherwise what is there instead of them."""

    def __init__(
        self,
        place: ui.element,
        name: Callable[[R], str],
        draw: Callable[[R, Clocks], ui.element],
        look: str = "rows",
    ) -> None:
        self._place, self._name, self._draw, self._look = place, name, draw, look
        self._rows: dict[str, _Row] = {}
        self._box: ui.element | None = None
        self._foot: ui.element | None = None
        self._instead: str | None = None

    def show(self, found: Sequence[R], more: Click | None = None) -> None:
        """These, in this order. `more`: what the button below them does, if there is one."""
        if self._box is None or self._foot is None:
            self._place.clear()
            with self._place:
                self._box, self._foot = box(self._look), box("wall-foot")
            self._instead = None
        wanted = {self._name(record): record for record in found}
        for gone in set(self._rows) - set(wanted):
            self._rows.pop(gone).element.delete()
        for index, (name, record) in enumerate(wanted.items()):
            row = self._row(self._box, name, record)
            if self._box.default_slot.children[index] is not row.element:
                row.element.move(target_index=index)
        self._offer(self._foot, more)

    def instead(self, seen: str, draw: Callable[[], None]) -> None:
        """Something else than a list, drawn once for each different `seen`."""
        if self._instead == seen:
            return
        self._instead = seen
        self._box = self._foot = None
        self._rows.clear()
        self._place.clear()
        with self._place:
            draw()

    def _row(self, place: ui.element, name: str, record: R) -> _Row:
        known = self._rows.get(name)
        if known is not None and known.seen == record:
            known.clocks.tick()
            return known
        if known is not None:
            known.element.delete()
        clocks = Clocks()
        with place:
            made = self._rows[name] = _Row(record, self._draw(record, clocks), clocks)
        return made

    def _offer(self, foot: ui.element, more: Click | None) -> None:
        if bool(foot.default_slot.children) == bool(more):
            return
        foot.clear()
        if more:
            with foot:
                button(say("more"), more, look="quiet")
