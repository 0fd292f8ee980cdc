"""Log lines of a child that computes, with the fields that other processes' lines have (`impasto.backends.telemetry`).

Not through structlog: to import that would take a child as long as all else that it imports. And of loggers that are
not ours only the place is told: a library may quote a prompt that it had to cut off.
"""

from __future__ import annotations

import json
import logging
import os
from datetime import UTC, datetime
from typing import Any, Final

from impasto.backends.telemetry.bound import bound_values
from impasto.backends.telemetry.columns import in_columns
from impasto.faults import trace_of

_SERVICE: Final = "runner"


def is_ours(record: logging.LogRecord) -> bool:
    """Whether the words are of Impasto, or of a plug-in that names its loggers so."""
    return record.name.partition(".")[0].partition("_")[0] == "impasto"


def withheld(record: logging.LogRecord) -> str:
    """What is told of a line that is not ours."""
    return f"{record.name}, line {record.lineno}: {record.levelname.lower()} (words withheld)"


class ChildLines(logging.Formatter):
    """`json`: an object a line; otherwise in columns."""

    def __init__(self, chosen: str) -> None:
        super().__init__()
        self._json = chosen == "json"

    def format(self, record: logging.LogRecord) -> str:
        at = datetime.fromtimestamp(record.created, UTC)
        fields: dict[str, Any] = dict(bound_values())
        if record.exc_info and record.exc_info[1] is not None:
            fields["exception"] = trace_of(record.exc_info[1])
        event, level = record.getMessage() if is_ours(record) else withheld(record), record.levelname.lower()
        if self._json:
            who = {"service": _SERVICE, "pid": os.getpid(), "timestamp": at.isoformat().replace("+00:00", "Z")}
            line = {"event": event, "level": level, "logger": record.name, **fields, **who}
            return json.dumps(line, ensure_ascii=False, default=str)
        return in_columns(f"{at.astimezone():%Y-%m-%d %H:%M:%S}", level, event, record.name, fields)


def write_child_lines() -> None:
    """As the worker is set to, which hands that on."""
    handler = logging.StreamHandler()
    handler.setFormatter(ChildLines(os.environ.get("IMPASTO_LOG_FORMAT", "")))
    level = os.environ.get("IMPASTO_LOG_LEVEL") or "INFO"
    logging.basicConfig(handlers=[handler], level="INFO" if level == "DEBUG" else level, force=True)
    for name in ("impasto", "impasto_worker"):
        logging.getLogger(name).setLevel(level)
