"""The frame around every page: the rail with the places, and the stage beside it (below it on a phone)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from nicegui import app, ui

from impasto_studio.looks import THEMES, head, theme
from impasto_studio.parts import KEY
from impasto_studio.pieces.basic import Click, box, icon, icon_button, words
from impasto_studio.words import NAMES, language, say

_PLACES: Final = (
    ("library", "/"),
    ("create", "/create"),
    ("training", "/training"),
    ("jobs", "/jobs"),
    ("operators", "/operators"),
)


@contextmanager
def page(place: str, title: str) -> Iterator[ui.element]:
    """Head, rail and stage; what is made inside lands on the stage."""
    head(title)
    with box("studio"):
        _rail(place)
        with box("stage", "main") as stage:
            yield stage


@contextmanager
def top(title: str, note: str = "", back: tuple[str, str] | None = None) -> Iterator[None]:
    """A page's title; what is made inside stands at its other end."""
    with box("top"):
        with box("top-words"):
            if back:
                with ui.element("a").classes("back") as link:
                    link.props["href"] = back[1]
                    icon("back")
                    words(back[0], tag="span")
            words(title, "title")
            if note:
                words(note, "lead", "p")
        with box("top-actions"):
            yield


def _rail(place: str) -> None:
    with box("rail", "header"):
        with ui.element("a").classes("wordmark").props('href="/" aria-label="Impasto"'):
            box("mark").props('aria-hidden="true"')
            words("Impasto", tag="span")
        with box("places", "nav"):
            for name, path in _PLACES:
                _place(name, path, name == place)
        with box("rail-foot"):
            icon_button(say(f"theme.{theme()}"), "theme", _next_theme)
            icon_button(_other_language()[1], "language", _next_language)
            icon_button(say("sign_out"), "leave", sign_out)


def _place(name: str, path: str, current: bool) -> None:
    with ui.element("a").classes("place here" if current else "place") as link:
        link.props["href"] = path
        if current:
            link.props["aria-current"] = "page"
        icon(name)
        words(say(f"place.{name}"), tag="span")


def sign_out() -> None:
    """Forgets the key. Pages that are open elsewhere lead to the door at their next step."""
    app.storage.user.pop(KEY, None)
    ui.navigate.to("/sign-in")


def _next_theme() -> None:
    app.storage.user["theme"] = THEMES[(THEMES.index(theme()) + 1) % len(THEMES)]
    ui.navigate.reload()


def _other_language() -> tuple[str, str]:
    codes = list(NAMES)
    code = codes[(codes.index(language()) + 1) % len(codes)]
    return code, NAMES[code]


def _next_language() -> None:
    app.storage.user["language"] = _other_language()[0]
    ui.navigate.reload()


def door_tools() -> tuple[tuple[str, str, Click], ...]:
    """What can be chosen before one has signed in: label, icon, click."""
    return (
        (say(f"theme.{theme()}"), "theme", _next_theme),
        (_other_language()[1], "language", _next_language),
    )
