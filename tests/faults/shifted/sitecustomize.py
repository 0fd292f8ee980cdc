"""A wrong clock for a real process: Python imports this first, from its PYTHONPATH, and `date` is off from then on.

CLOCK_OFF_S says by how many seconds. The monotonic clock is right, as it is on a machine whose date is wrong.
"""

from __future__ import annotations

import datetime
import os
import time

_OFF_S = float(os.environ.get("CLOCK_OFF_S", "0"))
_time, _time_ns = time.time, time.time_ns


_datetime = datetime.datetime


class _Any(type):
    """A moment that the database or a parser has made is a datetime as well."""

    def __instancecheck__(cls, instance: object) -> bool:
        return isinstance(instance, _datetime)

    def __subclasscheck__(cls, other: type) -> bool:
        return issubclass(other, _datetime)


class _Off(_datetime, metaclass=_Any):
    @classmethod
    def now(cls, tz: datetime.tzinfo | None = None) -> datetime.datetime:
        return _datetime.fromtimestamp(time.time(), tz)

    @classmethod
    def utcnow(cls) -> datetime.datetime:
        return _datetime.fromtimestamp(time.time(), datetime.UTC).replace(tzinfo=None)


if _OFF_S:
    time.time = lambda: _time() + _OFF_S
    time.time_ns = lambda: _time_ns() + int(_OFF_S * 1e9)
    datetime.datetime = _Off
