"""Choosing a picture among the works: the chosen one large, the newest ones in a dialog."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Final

from nicegui import ui

from impasto.artworks import Artwork
from impasto_studio.asking import Leaf, leafing
from impasto_studio.feed import Feed
from impasto_studio.parts import client
from impasto_studio.pieces.basic import box, icon, icon_button, picture, words
from impasto_studio.pieces.growing import Growing
from impasto_studio.pieces.states import attempt, bones, empty
from impasto_studio.words import say

_STEP: Final = 30


class PictureChoice:
    """`value` is an artwork's id or a picture's `sha256:<digest>`; None until one was chosen."""

    def __init__(self, on_change: Callable[[], Any]) -> None:
        self.value: str | None = None
        self.digest: str = ""
        self._on_change = on_change
        with box("choice", "button").props('type="button"') as self._chosen:
            self._empty()
        self._chosen.on("click", self._open)
        with ui.dialog() as self._dialog, box("sheet wide"):
            with box("sheet-head"):
                words(say("choose.title"), "heading")
                icon_button(say("close"), "close", self._dialog.close)
            self._place = box("chooser")

    async def choose(self, identifier: str) -> None:
        """Takes that picture.

        Raises:
            ImpastoError: there is no such work.
        """
        if identifier.startswith("art_"):
            self._take(identifier, (await client().artworks.get(identifier)).sha256)
        elif identifier.startswith("sha256:"):
            self._take(identifier, identifier.removeprefix("sha256:"))

    def _empty(self) -> None:
        with box("choice-empty", "span"):
            icon("picture")
            words(say("choose"), tag="span")

    def _take(self, identifier: str, digest: str) -> None:
        self.value, self.digest = identifier, digest
        self._chosen.clear()
        with self._chosen:
            picture(digest, say("choose.chosen"))
            words(say("choose.other"), "choice-note", "span")
        self._dialog.close()
        self._on_change()

    async def _open(self) -> None:
        self._dialog.open()
        self._place.clear()
        with self._place, box("wall small"):
            bones(6, "bone tile-bone")

        async def fill() -> None:
            if not await Growing(Feed(_ask), self._tile, "wall small", _STEP, scrolls=False).more():
                self._place.clear()
                with self._place:
                    empty(say("library.empty"), say("library.empty.note"), "library", (say("place.library"), "/"))

        await attempt(self._place, fill)

    def _tile(self, work: Artwork) -> None:
        with box("tile", "button").props('type="button"') as tile:
            tile.style(f"--ratio: {min(2.6, max(0.5, work.width / max(1, work.height))):.3f}")
            tile.props["aria-label"] = work.title or work.caption or work.file_name
            picture(work.sha256, "", size=(work.width, work.height))
        tile.on("click", partial(self._take, work.id, work.sha256))


async def _ask(cursor: str | None, limit: int) -> Leaf[Artwork]:
    return await client().transport.run(leafing(Artwork, "artworks", limit=limit, cursor=cursor))
