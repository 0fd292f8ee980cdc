"""What a runner logs while it computes, for the job's log: our own words; of others only that they warned, and where.

A library may quote what it was given, a prompt that it had to cut off for example. So of loggers that are not ours, and
of Python's warnings, the place is told and the words are not.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable
from typing import Final

from impasto.logs import LogLevel
from impasto_worker.child_lines import is_ours, withheld

# In one computation; what would come after that is counted and not sent.
_MOST_LINES: Final = 1000

Say = Callable[[str, LogLevel], None]


class JobLogHandler(logging.Handler):
    """Hands log records and warnings on to `say(message, level)` for as long as a computation lasts."""

    def __init__(self, say: Say) -> None:
        super().__init__(logging.INFO)
        self._say, self._left = say, _MOST_LINES

    def __enter__(self) -> JobLogHandler:
        logging.getLogger().addHandler(self)
        self._shown, warnings.showwarning = warnings.showwarning, self._show
        return self

    def __exit__(self, *_: object) -> None:
        warnings.showwarning = self._shown
        logging.getLogger().removeHandler(self)
        if self._left < 0:
            self._say(f"{-self._left} more lines were not kept", "warning")

    def emit(self, record: logging.LogRecord) -> None:
        level: LogLevel = "info"
        if record.levelno >= logging.WARNING:
            level = "error" if record.levelno >= logging.ERROR else "warning"
        if is_ours(record):
            self._tell(level, record.getMessage())
        elif level != "info":
            self._tell(level, withheld(record))

    def _show(
        self, message: Warning | str, category: type[Warning], filename: str, lineno: int, *_: object, **__: object
    ) -> None:
        place = "/".join(filename.rsplit("/", 3)[-3:])
        self._tell("warning", f"{place}, line {lineno}: {category.__name__} (words withheld)")

    def _tell(self, level: LogLevel, message: str) -> None:
        self._left -= 1
        if self._left >= 0:
            self._say(message, level)
