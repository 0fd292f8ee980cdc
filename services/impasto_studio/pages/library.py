"""`/`: the works, pictures first."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Final

from nicegui import ui
from starlette.responses import RedirectResponse

from impasto.artworks import Artwork
from impasto_studio.asking import Leaf, leafing
from impasto_studio.entrance import guard
from impasto_studio.feed import Feed
from impasto_studio.parts import client
from impasto_studio.pieces.basic import box, button, icon, picture, words
from impasto_studio.pieces.growing import Growing
from impasto_studio.pieces.states import attempt, bones, empty
from impasto_studio.pieces.uploading import UploadDialog
from impasto_studio.pieces.viewer import Viewer
from impasto_studio.shell import page, top
from impasto_studio.words import say

_STEP: Final = 24
# Text is looked for in this many of the newest works: the API has no search for it yet.
_LOOKED_AT: Final = 400


def register() -> None:
    """Makes the page known."""
    ui.page("/")(_library)


async def _library() -> RedirectResponse | None:
    if away := guard():
        return away
    with page("library", say("place.library")):
        wall = _Wall()
    await ui.context.client.connected()
    await wall.reload()
    return None


class _Wall:
    """The grid with its filters; it grows as somebody scrolls."""

    def __init__(self) -> None:
        self._viewer, self._upload = Viewer(), UploadDialog(self.reload)
        with top(say("place.library"), say("library.note")):
            button(say("upload"), self._upload.open, look="primary", image="upload")
        with box("filters"):
            self._text = self._filter("search", "search")
            self._collection = self._filter("field.collection")
            self._artist = self._filter("field.artist")
        self._place = box("wall-place")
        with self._place, box("wall"):
            bones(8, "bone tile-bone")
        self._turn, self._one_at_a_time = 0, asyncio.Lock()

    def _filter(self, key: str, image: str = "") -> ui.input:
        with box("filter"):
            if image:
                icon(image)
            made = ui.input(placeholder=say(key)).props(
                f'borderless dense clearable debounce=350 aria-label="{say(key)}"'
            )
        made.on_value_change(self.reload)
        return made

    async def reload(self) -> None:
        """From the newest work on. Of several askings that wait for one another, only the last is answered."""
        self._turn += 1
        turn = self._turn
        async with self._one_at_a_time:
            if turn == self._turn:
                await self._reload()

    async def _reload(self) -> None:
        names = {"collection": self._collection, "artist": self._artist}
        asked = {name: str(chosen.value).strip() for name, chosen in names.items() if chosen.value}
        text = str(self._text.value or "").strip().lower()

        async def ask(cursor: str | None, limit: int) -> Leaf[Artwork]:
            found = leafing(Artwork, "artworks", limit=limit, cursor=cursor, **asked)
            return await client().transport.run(found)

        async def fill() -> None:
            feed = Feed(ask, keep=partial(_holds, text=text), most=_LOOKED_AT) if text else Feed(ask)
            if await Growing(feed, self._tile, "wall", _STEP, scrolls=True).more():
                return
            self._place.clear()
            with self._place:
                self._nothing(bool(asked or text))

        await attempt(self._place, fill)

    def _tile(self, work: Artwork) -> None:
        ratio = min(2.6, max(0.5, work.width / max(1, work.height)))
        name = work.title or work.caption or work.file_name or say("untitled")
        with box("tile", "button").props('type="button"') as tile:
            tile.style(f"--ratio: {ratio:.3f}")
            tile.props["aria-label"] = name
            picture(work.sha256, "", size=(work.width, work.height))
            with box("tile-words", "span"):
                words(name, "tile-title", "span")
                if work.artist:
                    words(work.artist, "tile-maker", "span")
        tile.on("click", partial(self._viewer.open, work.id))

    def _nothing(self, filtered: bool) -> None:
        if filtered:
            empty(say("library.no_match"), say("library.no_match.note"), "search", (say("library.clear"), self._clear))
        else:
            empty(say("library.empty"), say("library.empty.note"), "library", (say("upload"), self._upload.open))

    async def _clear(self) -> None:
        for chosen in (self._text, self._collection, self._artist):
            chosen.set_value("")


def _holds(work: Artwork, text: str) -> bool:
    told = (work.title, work.caption, work.artist, work.medium, work.subject, work.collection, work.file_name)
    return any(text in part.lower() for part in told)
