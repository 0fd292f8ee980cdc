"""Our own line icons, drawn on a 24 by 24 grid."""

from __future__ import annotations

from typing import Final

_PATHS: Final[dict[str, str]] = {
    "library": "M4 5h7v8H4z M4 16h7v3H4z M14 5h6v4h-6z M14 12h6v7h-6z",
    "create": "M4 20c3 0 4-1 4.5-3L18 7.5a2 2 0 0 0-3-3L6.5 14C4.5 14.5 4 17 4 20z",
    "training": "M4 4v16h16 M7 8c3 0 3 7 6 7s3-3 6-3",
    "jobs": "M9 6h11 M9 12h11 M9 18h11 M4.5 6h.01 M4.5 12h.01 M4.5 18h.01",
    "operators": "M4 14a8 8 0 0 1 16 0 M12 14l4-4 M4 18h16",
    "theme": "M12 4a8 8 0 1 0 8 8 6 6 0 0 1-8-8z",
    "leave": "M10 5H5v14h5 M14 8l4 4-4 4 M18 12H9",
    "add": "M12 5v14 M5 12h14",
    "upload": "M12 16V5 M7.5 9.5L12 5l4.5 4.5 M5 16v3h14v-3",
    "close": "M6 6l12 12 M18 6L6 18",
    "save": "M12 5v11 M7.5 11.5L12 16l4.5-4.5 M5 19h14",
    "search": "M10.5 17a6.5 6.5 0 1 0 0-13 6.5 6.5 0 0 0 0 13z M15.5 15.5L20 20",
    "up": "M12 19V6 M6.5 11L12 5.5 17.5 11",
    "down": "M12 5v13 M6.5 13l5.5 5.5L17.5 13",
    "back": "M19 12H6 M11 6.5L5.5 12l5.5 5.5",
    "larger": "M4 10V4h6 M20 14v6h-6 M4 4l7 7 M20 20l-7-7",
    "analyse": "M4 12s3-6 8-6 8 6 8 6-3 6-8 6-8-6-8-6z M12 14.5a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5z",
    "again": "M19 12a7 7 0 1 1-2-5 M17 3v4h-4",
    "stop": "M7 7h10v10H7z",
    "fault": "M12 8v5 M12 16.5h.01 M12 3.5l9 16H3z",
    "check": "M5 12.5l4.5 4.5L19 7.5",
    "language": "M12 20a8 8 0 1 0 0-16 8 8 0 0 0 0 16z M4 12h16 M12 4c3 2 3 14 0 16 M12 4c-3 2-3 14 0 16",
    "picture": "M4 5h16v14H4z M4 16l5-5 4 4 2-2 5 4 M15.5 9.5h.01",
    "dice": "M5 5h14v14H5z M9 9h.01 M15 15h.01 M12 12h.01",
    "send": "M4 12l16-7-6 15-3-6z",
}


def svg(name: str) -> str:
    """The icon as SVG; its colour is that of the text around it."""
    return (
        '<svg class="icon" viewBox="0 0 24 24" width="20" height="20" fill="none" stroke="currentColor" '
        'stroke-width="1.6" stroke-linecap="round" stroke-linejoin="round" aria-hidden="true">'
        f'<path d="{_PATHS[name]}"/></svg>'
    )
