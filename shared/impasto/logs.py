"""Log lines of a job: what its handler and its runner say on the way, in our words and with facts alone."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Final, Literal

from pydantic import BaseModel

LogLevel = Literal["info", "warning", "error"]

# A job keeps its last lines: at most 64,000 characters.
MOST_LINES: Final = 200
MOST_CHARACTERS: Final = 320
# What a failed job shows of them by itself.
TAIL_LINES: Final = 20

_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")


class LogLine(BaseModel):
    """One line. Numbers rise over all attempts; lines that are not kept any more are missing at the beginning."""

    number: int
    attempt: int
    at: datetime
    level: LogLevel
    message: str


def lines_of(message: str) -> list[str]:
    """A message as lines of bounded length, without control characters."""
    found = [_CONTROL.sub(" ", line).rstrip() for line in message.splitlines()]
    return [line if len(line) <= MOST_CHARACTERS else line[: MOST_CHARACTERS - 1] + "…" for line in found if line]
