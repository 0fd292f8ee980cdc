"""Faults of ours in logs: where and of which type, never in their own words, which may quote what a customer sent."""

from __future__ import annotations

import traceback


def trace_of(error: BaseException) -> str:
    """The error's type and the places it passed, outermost first, with those of its causes; without any message."""
    lines: list[str] = []
    current: BaseException | None = error
    while current is not None:
        lines.append(f"{type(current).__module__}.{type(current).__qualname__} (message withheld)")
        lines += [
            f"  {frame.filename}:{frame.lineno} in {frame.name}"
            for frame in traceback.extract_tb(current.__traceback__)
        ]
        current = current.__cause__ or (None if current.__suppress_context__ else current.__context__)
    return "\n".join(lines)
