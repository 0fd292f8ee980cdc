"""A place to drop pictures on: each is sent by the browser itself, with its own progress and outcome."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from nicegui.element import Element
from nicegui.events import GenericEventArguments

from impasto_studio.icons import svg
from impasto_studio.words import say

_TEXTS = ("accepted", "duplicate", "refused", "waiting", "sending", "checking", "broken")


class Dropzone(Element, component="dropzone.js"):
    """`on_done` gets how many files came to each verdict, whenever all that were dropped have one."""

    def __init__(self, on_done: Callable[[dict[str, int]], Any]) -> None:
        super().__init__()
        self._props["title"], self._props["note"] = say("drop.title"), say("drop.note")
        self._props["texts"] = {name: say(f"drop.{name}") for name in _TEXTS}
        self._props["icon"] = svg("upload")
        self._props["fields"] = {}

        def done(event: GenericEventArguments) -> Any:
            return on_done(event.args)

        self.on("done", done)

    def set_fields(self, fields: dict[str, str]) -> None:
        """What is said of every file that is dropped from now on."""
        self._props["fields"] = {name: text for name, text in fields.items() if text}
        self.update()
