"""How every page looks before its first element: colours given to the library, the style sheet, light or dark."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from nicegui import app, ui

from impasto_studio.words import language

_STATIC: Final = Path(__file__).parent / "static"
THEMES: Final = ("auto", "light", "dark")

# The library's own components take these; ours take the same ones from the style sheet.
BRAND: Final = {"primary": "#2f4fc4", "dark": "#1f1d1a", "dark-page": "#171513", "positive": "#3f7d5a"}
FAVICON: Final = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32" rx="9" fill="#2f4fc4"/>'
    '<path d="M8 21c4-1 5-9 9-10 3-.7 2 4 5 3.5" fill="none" stroke="#fff" stroke-width="3.5" stroke-linecap="round"/>'
    "</svg>"
)
_PAPER: Final = {"light": "#faf9f6", "dark": "#171513"}


def theme() -> str:
    """What this person chose: `auto`, `light` or `dark`."""
    chosen = app.storage.user.get("theme", "auto")
    return chosen if chosen in THEMES else "auto"


def head(title: str) -> None:
    """Title, style sheet and theme of the page that is being built."""
    ui.page_title(f"{title} · Impasto")
    chosen = theme()
    ui.dark_mode({"auto": None, "light": False, "dark": True}[chosen])
    # The paper's colour is there before the first script has run: no white flash in a dark room.
    paper = _PAPER.get(chosen, _PAPER["light"])
    auto = f"@media (prefers-color-scheme: dark) {{html {{background: {_PAPER['dark']}}}}}" if chosen == "auto" else ""
    ui.add_head_html(
        f"<style>html {{background: {paper}}} {auto}</style>"
        f"<script>document.documentElement.lang = '{language()}'</script>"
        f'<link rel="stylesheet" href="/static/studio.css?v={_VERSION}">'
        '<meta name="robots" content="noindex">'
    )


def _newest() -> int:
    return int(max(path.stat().st_mtime for path in _STATIC.iterdir()))


_VERSION: Final = _newest()
