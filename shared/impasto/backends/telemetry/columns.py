"""A log line for people: when, how grave, what, who says so, and of which job."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def in_columns(timestamp: str, level: str, event: str, logger: str, fields: Mapping[str, Any]) -> str:
    """The same in every process; an error's places follow on lines of their own."""
    places = fields.get("exception")
    told = "".join(f" {name}={value}" for name, value in fields.items() if name != "exception")
    return f"{timestamp} [{level}] {event} [{logger}]{told}" + (f"\n{places}" if places else "")
