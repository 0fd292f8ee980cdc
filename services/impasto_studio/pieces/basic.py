"""Boxes, words, buttons and links, as plain HTML elements with our own classes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from nicegui import ui
from nicegui.elements.mixins.text_element import TextElement

from impasto_studio.icons import svg

Click = Callable[[], Any]
_LEVELS: Final = {"title": "h1", "heading": "h2", "subheading": "h3"}


class Words(TextElement):
    """Text in an element of any tag; never read as HTML."""

    def __init__(self, text: str, tag: str = "span") -> None:
        super().__init__(tag=tag, text=text)


def box(classes: str = "", tag: str = "div") -> ui.element:
    """An element to put others into."""
    return ui.element(tag).classes(classes)


def words(text: str, look: str = "", tag: str = "") -> Words:
    """Text. `look` is a class of the style sheet; titles and headings become real ones."""
    made = Words(text, tag or _LEVELS.get(look, "div"))
    made.classes(look)
    return made


def icon(name: str) -> ui.html:
    """One of our icons."""
    return ui.html(svg(name), sanitize=False, tag="span").classes("icon-box")


def button(text: str, on_click: Click | None = None, *, look: str = "", image: str = "") -> ui.element:
    """A button. `look`: `primary`, `quiet`, `danger` or nothing."""
    made = ui.element("button").classes(f"button {look}").props('type="button"')
    with made:
        if image:
            icon(image)
        words(text, tag="span")
    if on_click:
        made.on("click", on_click)
    return made


def icon_button(label: str, image: str, on_click: Click | None = None) -> ui.element:
    """A button that shows only an icon; `label` is read aloud and shown when pointed at."""
    made = ui.element("button").classes("icon-button").props('type="button"')
    made.props["aria-label"] = made.props["title"] = label
    with made:
        icon(image)
    if on_click:
        made.on("click", on_click)
    return made


def icon_link(label: str, image: str, to: str) -> ui.element:
    """A link that shows only an icon."""
    made = ui.element("a").classes("icon-button")
    made.props["aria-label"] = made.props["title"] = label
    made.props["href"] = to
    with made:
        icon(image)
    return made


def link(text: str, to: str, *, look: str = "", image: str = "") -> ui.element:
    """A link inside of the studio."""
    made = ui.element("a").classes(look)
    made.props["href"] = to
    with made:
        if image:
            icon(image)
        words(text, tag="span")
    return made


def picture(sha256: str, alt: str = "", classes: str = "", size: tuple[int, int] | None = None) -> ui.element:
    """A picture of the platform, fetched when it comes near the window."""
    made = ui.element("img").classes(classes).props('loading="lazy" decoding="async"')
    made.props["src"], made.props["alt"] = picture_url(sha256), alt
    if size:
        made.props["width"], made.props["height"] = size
    return made


def picture_url(sha256: str, *, save: bool = False) -> str:
    """Where the studio serves it."""
    return f"/pictures/{sha256.removeprefix('sha256:')}" + ("?save=true" if save else "")


def busy(made: ui.element, yes: bool) -> None:
    """A button whose work is under way cannot be pressed again."""
    made.props["disabled"] = yes
    made.classes(add="working" if yes else "", remove="" if yes else "working")
    made.update()
