"""The studio's texts: one table for each language, and the one function that reads them."""

from __future__ import annotations

from typing import Any, Final

from nicegui import app, ui

from impasto_studio.words.chinese import CHINESE
from impasto_studio.words.english import ENGLISH

TABLES: Final[dict[str, dict[str, str]]] = {"en": ENGLISH, "zh": CHINESE}
NAMES: Final = {"en": "English", "zh": "中文"}


def language() -> str:
    """What this person chose; else the first that their browser asks for and that there is."""
    chosen = app.storage.user.get("language")
    if chosen in TABLES:
        return str(chosen)
    request = ui.context.client.request
    asked = (
        part.partition(";")[0].strip()[:2].lower() for part in request.headers.get("accept-language", "").split(",")
    )
    return next((code for code in asked if code in TABLES), "en")


def say(key: str, *, missing: str | None = None, **values: Any) -> str:
    """The text of that key in this person's language.

    Raises:
        KeyError: there is none, and no `missing` was given.
    """
    table = TABLES[language()]
    text = table[key] if missing is None else table.get(key, missing)
    return text.format(**values) if values else text
