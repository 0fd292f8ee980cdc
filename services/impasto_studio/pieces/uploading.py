"""The dialog in which works are added: what holds for all of them, and the place to drop them on."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from nicegui import ui

from impasto_studio.pieces.basic import box, icon_button, words
from impasto_studio.pieces.dropzone import Dropzone
from impasto_studio.pieces.fields import choice_field, text_field
from impasto_studio.pieces.states import good
from impasto_studio.words import say

_TEXTS = ("collection", "artist", "licence")
_CONSENTS = ("", "granted", "not_needed", "denied")


class UploadDialog:
    """One a page; `on_added` is awaited when new works have come in."""

    def __init__(self, on_added: Callable[[], Awaitable[None]]) -> None:
        self._on_added = on_added
        with ui.dialog() as self._dialog, box("sheet"):
            with box("sheet-head"):
                words(say("upload"), "heading")
                icon_button(say("close"), "close", self._dialog.close)
            self._zone = Dropzone(self._done)
            words(say("upload.fields"), "quiet-note", "p")
            with box("field-grid"):
                self._texts = {name: text_field(say(f"field.{name}")) for name in _TEXTS}
                consents = {value: say(f"consent.{value}") for value in _CONSENTS}
                self._consent = choice_field(say("field.consent"), consents, "")
        for made in (*self._texts.values(), self._consent):
            made.on_value_change(self._tell)

    def open(self) -> None:
        """Shows it."""
        self._dialog.open()

    def _tell(self) -> None:
        fields = {name: str(made.value or "").strip() for name, made in self._texts.items()}
        self._zone.set_fields({**fields, "consent": str(self._consent.value or "")})

    async def _done(self, counts: dict[str, int]) -> None:
        if counts.get("accepted"):
            good(say("upload.added", count=counts["accepted"]))
            await self._on_added()
