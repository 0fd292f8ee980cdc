"""Server-sent events: the form of one, and how long a stream may be silent."""

from __future__ import annotations

import json
from typing import Any, Final

KEEP_ALIVE_S: Final = 15.0


def frame(event: str, data: dict[str, Any], number: int | None = None) -> bytes:
    """One event; with a number a reader can resume after it."""
    head = f"id: {number}\n" if number is not None else ""
    return f"{head}event: {event}\ndata: {json.dumps(data, separators=(',', ':'))}\n\n".encode()
