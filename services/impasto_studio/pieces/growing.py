"""Pictures that grow in number at their foot, by a button or as somebody scrolls."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

from nicegui import ui

from impasto.errors import ImpastoError
from impasto_studio.feed import Feed
from impasto_studio.pieces.basic import box, button
from impasto_studio.pieces.states import bones, fault, signed_out
from impasto_studio.words import say

T = TypeVar("T")


class Growing(Generic[T]):
    """One asking's grid. Another asking makes another one: what comes late for this one lands nowhere."""

    def __init__(self, feed: Feed[T], draw: Callable[[T], None], look: str, step: int, *, scrolls: bool) -> None:
        """Empty until `more` was awaited. `scrolls`: the next ones come before the end is reached."""
        self._feed, self._draw, self._step, self._scrolls = feed, draw, step, scrolls
        self._grid, self._foot = box(look), box("wall-foot")
        self._busy = False

    async def more(self) -> bool:
        """Draws the next ones; false if there were none for a grid that is still shown.

        Raises:
            ImpastoError: the platform refused; another call goes on from there.
        """
        found = await self._feed.next(self._step)
        if self._grid.is_deleted:
            return True
        with self._grid:
            for item in found:
                self._draw(item)
        self._foot.clear()
        if not self._feed.ended:
            with self._foot:
                button(say("more"), self._next, look="quiet")
                if self._scrolls:
                    # The button is for those who do not scroll.
                    seen = ui.element("q-intersection").props("once margin='600px'").classes("wall-sentinel")
                    seen.on("visibility", lambda event: self._next() if event.args else None)
        return bool(found)

    async def _next(self) -> None:
        if self._busy or self._grid.is_deleted:
            return
        self._busy = True
        self._foot.clear()
        with self._foot:
            bones(1, "bone line-bone")
        try:
            await self.more()
        except ImpastoError as error:
            self._refused(error)
        finally:
            self._busy = False

    def _refused(self, error: ImpastoError) -> None:
        if self._grid.is_deleted:
            return
        # Not where the click came from: that has just been cleared away.
        with self._foot:
            if signed_out(error):
                return
            self._foot.clear()
            fault(error, self._next)
