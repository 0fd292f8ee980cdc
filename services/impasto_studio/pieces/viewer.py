"""A picture looked at closely, beside the page: its fields, its lineage, and what can be made of it."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from nicegui import ui

from impasto.artworks import Artwork
from impasto.errors import ImpastoError
from impasto_studio.asking import submitting
from impasto_studio.parts import client
from impasto_studio.pieces import analysis
from impasto_studio.pieces.ages import age, size
from impasto_studio.pieces.basic import box, button, icon_button, icon_link, link, picture, picture_url, words
from impasto_studio.pieces.following import Following
from impasto_studio.pieces.jobs import pictures_of
from impasto_studio.pieces.lineage import lineage
from impasto_studio.pieces.states import attempt, bones, tell
from impasto_studio.words import say

_FIELDS = ("artist", "date", "medium", "subject", "collection", "licence", "consent", "provenance", "file_name")


class Viewer:
    """One a page. `open` takes an artwork's id or a picture's `sha256:<digest>`."""

    def __init__(self) -> None:
        with ui.dialog().props("position=right full-height") as self._dialog, box("viewer") as self._panel:
            pass

    async def open(self, identifier: str) -> None:
        """Shows it, in place of what was shown before."""
        self._dialog.open()
        self._panel.clear()
        with self._panel:
            with box("viewer-bar"):
                self._tools = box()
                icon_button(say("close"), "close", self._dialog.close)
            body = box("viewer-body")
        with body:
            bones(1, "bone tall")

        async def fill() -> None:
            await (self._artwork(identifier) if identifier.startswith("art_") else self._artifact(identifier))

        await attempt(body, fill)

    async def _artwork(self, artwork_id: str) -> None:
        work = await client().artworks.get(artwork_id)
        picture(work.sha256, work.caption or work.title, "viewer-picture", (work.width, work.height))
        with box("label-card"):
            words(work.title or work.file_name or say("untitled"), "work-title", "h2")
            words(", ".join(filter(None, (work.artist, work.date))), "work-maker")
            if work.caption:
                words(work.caption, "work-caption", "p")
        self._actions(work.id, work.sha256)
        _fields(work)
        await self._story(work.id)

    async def _artifact(self, identifier: str) -> None:
        digest = identifier.removeprefix("sha256:")
        picture(digest, say("made_here"), "viewer-picture")
        with box("label-card"):
            words(say("made_here"), "work-title", "h2")
            words(f"sha256:{digest[:16]}…", "work-maker mono")
        self._actions(f"sha256:{digest}", digest)
        await self._story(f"sha256:{digest}")

    def _actions(self, identifier: str, digest: str) -> None:
        with self._tools:
            icon_link(say("save"), "save", picture_url(digest, save=True)).props["download"] = digest[:12]
        with box("actions"):
            button(say("analyse"), lambda: self._analyse(identifier), look="primary", image="analyse")
            link(say("redraw"), f"/create?picture={quote(identifier, safe='')}", look="button", image="create")
            button(say("upscale", factor=2), lambda: self._upscale(identifier, 2), image="larger")
            button(say("upscale", factor=4), lambda: self._upscale(identifier, 4), look="quiet")
        self._work = box("viewer-work")

    async def _story(self, identifier: str) -> None:
        with box("story") as place:
            bones(2)
        await attempt(place, lambda: lineage(identifier, self.open))

    async def _analyse(self, identifier: str) -> None:
        params = {"picture": identifier}
        await self._submit("analyse.artwork", params, lambda result: analysis.show(result, self.open))

    async def _upscale(self, identifier: str, factor: int) -> None:
        await self._submit("generate.upscale", {"picture": identifier, "factor": factor}, self._show_pictures)

    async def _submit(self, kind: str, params: dict[str, Any], show: Any) -> None:
        try:
            record = await client().transport.run(submitting(kind, params))
        except ImpastoError as error:
            tell(error)
            return
        Following(self._work, record, lambda ended: show(ended.result or {}))

    def _show_pictures(self, result: dict[str, Any]) -> None:
        words(say("upscaled", width=result.get("width"), height=result.get("height")), "subheading")
        for digest in pictures_of(result):
            with box("made-picture", "button").props('type="button"') as made:
                picture(digest, say("made_here"))
            made.on("click", lambda digest=digest: self.open(f"sha256:{digest}"))


def _fields(work: Artwork) -> None:
    told = [(name, str(getattr(work, name))) for name in _FIELDS if getattr(work, name)]
    told = [(name, say(f"consent.{value}") if name == "consent" else value) for name, value in told]
    told += [("picture", f"{work.width} × {work.height} px · {size(work.size_bytes)}"), ("added", age(work.created_at))]
    with box("fields", "dl"):
        for name, value in [*told, ("id", work.id)]:
            words(say(f"field.{name}"), tag="dt")
            words(value, "mono" if name == "id" else "", "dd")
        for warning in work.warnings:
            words(say("field.changed"), tag="dt")
            words(warning, tag="dd")
