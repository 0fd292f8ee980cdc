"""The form that redraws a picture in a mix of styles."""

from __future__ import annotations

from typing import Any, Final

from nicegui import ui

from impasto.errors import ImpastoError
from impasto.jobs import JobRecord
from impasto.styles import BUILT_IN_STYLES
from impasto_studio.asking import submitting
from impasto_studio.parts import client
from impasto_studio.pieces.basic import box, busy, button, picture, words
from impasto_studio.pieces.choosing import PictureChoice
from impasto_studio.pieces.fields import field, segments, slider_field
from impasto_studio.pieces.following import Following
from impasto_studio.pieces.results import show_results
from impasto_studio.pieces.states import tell
from impasto_studio.pieces.viewer import Viewer
from impasto_studio.words import say

_MOST_STYLES: Final = 8


class RedrawForm:
    """What it makes is shown on the canvas, beside the picture it was made of."""

    def __init__(self, canvas: ui.element, viewer: Viewer) -> None:
        self._canvas, self._viewer = canvas, viewer
        self._weights: dict[str, ui.slider] = {}
        self._rows: dict[str, ui.element] = {}
        with box("form"):
            self._picture = PictureChoice(lambda: None)
            words(say("redraw.styles"), "field-label", "span")
            with box("chips tall") as self._chips:
                for style in BUILT_IN_STYLES:
                    self._chip(style.name, style.description)
            self._mix = box("mix")
            self._strength = slider_field(say("redraw.strength"), 100, 0, 100, 1, " %")
            with field(say("redraw.colour")):
                self._colour = segments(
                    {"style": say("redraw.colour.style"), "photo": say("redraw.colour.photo")}, "style", None
                )
            self._go = button(say("redraw.go"), self._submit, look="primary wide", image="create")

    async def load(self, identifier: str) -> None:
        """Takes the picture that the address names."""
        if identifier:
            try:
                await self._picture.choose(identifier)
            except ImpastoError as error:
                tell(error)

    def _chip(self, name: str, description: str) -> None:
        chip = box("chip", "button").props('type="button" aria-pressed="false"')
        chip.props["title"] = description
        with chip:
            words(name.replace("-", " "), tag="span")
        chip.on("click", lambda: self._toggle(chip, name))

    def _toggle(self, chip: ui.element, name: str) -> None:
        chosen = name not in self._weights
        if chosen and len(self._weights) >= _MOST_STYLES:
            ui.notify(say("redraw.most", count=_MOST_STYLES), classes="note-fault")
            return
        if chosen:
            with self._mix, box() as row:
                self._weights[name] = slider_field(name.replace("-", " "), 100, 1, 100, 1, " %")
            self._rows[name] = row
        else:
            del self._weights[name]
            self._rows.pop(name).delete()
        chip.classes(add="on" if chosen else "", remove="" if chosen else "on")
        chip.props["aria-pressed"] = "true" if chosen else "false"
        chip.update()

    async def _submit(self) -> None:
        if not self._picture.value or not self._weights:
            missing = "redraw.picture.missing" if not self._picture.value else "redraw.styles.missing"
            ui.notify(say(missing), classes="note-fault")
            return
        mix = {"builtin": {name: float(weight.value) / 100 for name, weight in self._weights.items()}}
        params: dict[str, Any] = {
            "picture": self._picture.value, "mix": mix,
            "strength": float(self._strength.value) / 100, "colour": self._colour.value,
        }  # fmt: skip
        busy(self._go, True)
        before = self._picture.digest
        try:
            record = await client().transport.run(submitting("generate.stylise", params))
        except ImpastoError as error:
            tell(error)
        else:
            Following(self._canvas, record, lambda ended: self._show(ended, before))
            _behind(self._canvas, before)
        busy(self._go, False)

    def _show(self, ended: JobRecord, before: str) -> None:
        show_results(ended.result or {}, self._viewer)
        with box("before"):
            words(say("redraw.before"), "field-label", "span")
            picture(before, say("redraw.before"))


def _behind(canvas: ui.element, digest: str) -> None:
    """The picture being redrawn, pale, while one waits."""
    with canvas, box("behind"):
        picture(digest, "")
