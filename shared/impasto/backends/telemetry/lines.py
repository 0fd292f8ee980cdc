"""Log lines: what we and the libraries say through `logging`, as JSON for machines or in columns for people."""

from __future__ import annotations

import logging
import os
import re
import sys
import threading
from collections.abc import Sequence
from types import TracebackType
from typing import Any, Final

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from impasto.backends.telemetry.bound import bound_values
from impasto.backends.telemetry.columns import in_columns
from impasto.faults import trace_of
from impasto.settings import SettingInvalid, Settings

_FORMATS: Final = ("console", "json")
_LEVELS: Final = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
# They name the address of each request, which may hold a secret, or tell of every message.
_QUIET: Final = ("httpx", "httpcore", "celery", "kombu", "amqp", "urllib3", "asyncio")
# They put the words of errors and of values, which may be a customer's, into their own.
_QUOTING: Final = frozenset({"celery.app.trace", "asyncio", "concurrent.futures", "py.warnings"})
_OURS: Final = re.compile(r"impasto(_\w+)?")
# Fields that a line may be given beside its words: `extra={"job_id": …}`.
_FIELDS: Final = ("job_id", "attempt", "trace_id", "request_id", "delivery_id", "queue")
_SECRETS: Final = re.compile(
    r"(?<=://)[^\s/@:]*:[^\s/@]+(?=@)"
    r"|(?<=X-Amz-Signature=)[^\s&\"']+|(?<=X-Amz-Credential=)[^\s&\"']+|(?<=X-Amz-Security-Token=)[^\s&\"']+"
    r"|\bwhsec_[\w+/=-]+|\bimpasto_live_\w+|(?<=Bearer )\S+"
)


def write_lines(settings: Settings, service: str) -> None:
    """Sends all that is logged in this process to its standard error, in the format and from the level that are set.

    Raises:
        SettingInvalid: there is no such format or level.
    """
    level, chosen = settings.log_level.upper(), settings.log_format
    for variable, value, allowed in (("LEVEL", level, _LEVELS), ("FORMAT", chosen, _FORMATS)):
        if value not in allowed:
            raise SettingInvalid(
                "value_invalid", f"IMPASTO_LOG_{variable} is {value!r}; it may be {', '.join(allowed)}"
            )
    handler = logging.StreamHandler()
    handler.setFormatter(_formatter(chosen, service))
    logging.basicConfig(handlers=[handler], force=True)
    # What libraries tell for their own makers' eyes is never asked for, and may quote what they were given.
    logging.getLogger().setLevel("INFO" if level == "DEBUG" else level)
    _set_level(level)
    for name in _QUIET:
        logging.getLogger(name).setLevel("WARNING")
    logging.captureWarnings(True)
    threading.excepthook = _tell_of_thread
    sys.excepthook = _tell_of_end


def _set_level(level: str) -> None:
    logging.getLogger("impasto").setLevel(level)
    for package in ("gateway", "ingestion", "notifier", "reconciler", "studio", "worker"):
        logging.getLogger(f"impasto_{package}").setLevel(level)


def _formatter(chosen: str, service: str) -> logging.Formatter:
    ahead: list[Processor] = [
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.ExtraAdder(allow=_FIELDS),
        _add_bound,
        _withhold,
        structlog.processors.TimeStamper(fmt="iso" if chosen == "json" else "%Y-%m-%d %H:%M:%S", utc=chosen == "json"),
    ]
    drop = structlog.stdlib.ProcessorFormatter.remove_processors_meta
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=ahead, processors=[drop, *(_as_json(service) if chosen == "json" else _as_columns())]
    )


def _as_json(service: str) -> Sequence[Processor]:
    who = {"service": service, "pid": os.getpid()}

    def add_who(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
        return {**event, **who}

    return add_who, structlog.processors.JSONRenderer(ensure_ascii=False)


def _as_columns() -> Sequence[Processor]:
    # structlog's own for consoles takes five times as long, and a worker writes a line for each attempt.
    def render(_: WrappedLogger, __: str, event: EventDict) -> str:
        timestamp, level, said, logger = (str(event.pop(name)) for name in ("timestamp", "level", "event", "logger"))
        return in_columns(timestamp, level, said, logger, event)

    return (render,)


def _add_bound(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    for name, value in bound_values().items():
        event.setdefault(name, value)
    return event


def _withhold(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """Of an error its place; and of what others say, no secret that can be told by its form."""
    error = event.pop("exc_info", None)
    if isinstance(error, tuple) and error[1] is not None:
        event["exception"] = trace_of(error[1])
    event.pop("stack_info", None)
    if event.get("logger") in _QUOTING:
        event["event"] = f"{_place_of(event)}: (words withheld)"
    if not _OURS.fullmatch(str(event.get("logger", "")).partition(".")[0]):
        event["event"] = _SECRETS.sub("***", str(event["event"]))
    return event


def _place_of(event: EventDict) -> str:
    record = event.get("_record")
    return f"{record.module}, line {record.lineno}" if isinstance(record, logging.LogRecord) else "somewhere"


def _tell_of_thread(args: Any) -> None:
    name = args.thread.name if args.thread else "a thread"
    logging.getLogger("impasto.process").critical("%s ended\n%s", name, trace_of(args.exc_value))


def _tell_of_end(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error, trace)
        return
    # The main thread sees settings and servers, not what customers send; only a database quotes that.
    quotes = kind.__module__.partition(".")[0] in {"psycopg", "sqlalchemy"}
    words = "(words withheld)" if quotes else _SECRETS.sub("***", str(error))
    logging.getLogger("impasto.process").critical("the process ends: %s: %s\n%s", kind.__name__, words, trace_of(error))
