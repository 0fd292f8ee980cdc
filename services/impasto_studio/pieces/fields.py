"""Form fields: the label stands above, the library's field below it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from nicegui import ui

from impasto_studio.pieces.basic import box, words


@contextmanager
def field(label: str, note: str = "") -> Iterator[None]:
    """A labelled place for a field."""
    with box("field", "label"):
        words(label, "field-label", "span")
        yield
        if note:
            words(note, "field-note", "span")


def text_field(label: str, value: str = "", *, note: str = "", placeholder: str = "", secret: bool = False) -> ui.input:
    """One line of text."""
    with field(label, note):
        made = ui.input(value=value, placeholder=placeholder, password=secret)
    return made.props(f'outlined dense aria-label="{label}"')


def long_field(label: str, value: str = "", *, placeholder: str = "") -> ui.textarea:
    """Several lines of text."""
    with field(label):
        made = ui.textarea(value=value, placeholder=placeholder)
    return made.props(f'outlined autogrow aria-label="{label}"')


def number_field(label: str, value: float, least: float, most: float, *, step: float = 1, note: str = "") -> ui.number:
    """A number between two others."""
    with field(label, note):
        made = ui.number(value=value, min=least, max=most, step=step)
    return made.props(f'outlined dense aria-label="{label}"')


def choice_field(label: str, options: dict[Any, str] | list[str], value: Any = None, *, note: str = "") -> ui.select:
    """One of several."""
    with field(label, note):
        made = ui.select(options, value=value)
    return made.props(f'outlined dense options-dense behavior=menu aria-label="{label}"')


def slider_field(label: str, value: float, least: float, most: float, step: float, unit: str = "") -> ui.slider:
    """A number on a slider, with its value beside the label."""
    with box("slider-field"):
        with box("slider-head"):
            words(label, "field-label", "span")
            shown = words(_as_text(value, unit), "slider-value", "span")
        made = ui.slider(min=least, max=most, step=step, value=value)
        made.props(f'aria-label="{label}"').on_value_change(lambda event: shown.set_text(_as_text(event.value, unit)))
    return made


def segments(options: dict[str, str], value: str, on_change: Any) -> ui.toggle:
    """A few choices side by side."""
    return (
        ui.toggle(options, value=value, on_change=on_change)
        .props("unelevated no-caps :ripple=false toggle-color=chosen toggle-text-color=chosen")
        .classes("segments")
    )


def _as_text(value: float, unit: str) -> str:
    return f"{value:g}{unit}"
