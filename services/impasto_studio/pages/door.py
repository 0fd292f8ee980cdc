"""`/sign-in`: an API key, please."""

from __future__ import annotations

from typing import Any

from nicegui import app, ui
from starlette.responses import RedirectResponse

from impasto_studio.entrance import refused, safe_path, way_in
from impasto_studio.looks import head
from impasto_studio.parts import KEY
from impasto_studio.pieces.basic import box, busy, button, icon_button, words
from impasto_studio.pieces.fields import text_field
from impasto_studio.shell import door_tools
from impasto_studio.words import say


def register() -> None:
    """Makes the page known."""
    ui.page("/sign-in")(_door)


def _door(to: str = "/", why: str = "") -> RedirectResponse | None:
    if app.storage.user.get(KEY):
        return RedirectResponse(safe_path(to))
    head(say("sign_in.title"))
    with box("door", "main"):
        box("door-art").props('aria-hidden="true"')
        with box("door-side"):
            with box("door-tools"):
                for tool in door_tools():
                    icon_button(*tool)
            with box("door-card"):
                with box("wordmark large"):
                    box("mark").props('aria-hidden="true"')
                    words("Impasto", tag="span")
                words(say("sign_in.title"), "title")
                words(say("sign_in.ended" if why == "ended" else "sign_in.note"), "lead", "p")
                _form(safe_path(to))
    return None


def _form(to: str) -> None:
    key = text_field(say("sign_in.key"), secret=True, placeholder="impasto_live_…")
    key.props('autofocus autocomplete="off" name="key"')
    complaint = words("", "complaint", "p").props('role="alert"')

    async def submit(_: Any = None) -> None:
        busy(go, True)
        complaint.set_text("")
        typed = str(key.value or "")
        said = await refused(typed)
        if said is None:
            key.set_value("")
            ui.navigate.to(way_in(typed, to))
            return
        complaint.set_text(said)
        busy(go, False)

    key.on("keydown.enter", submit)
    go = button(say("sign_in.go"), submit, look="primary wide")
