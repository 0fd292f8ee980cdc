"""Cron expressions and time zones: when a schedule is due."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache
from typing import Final
from zoneinfo import ZoneInfo, available_timezones

from cronsim import CronSim, CronSimError

from impasto.errors import InvalidInput

_LONGEST: Final = 100
_FIELDS: Final = 5
_SHORT: Final = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}


class CronCalendar:
    """The times of a cron expression in a zone, as Debian's cron has them.

    Where the clocks go forward, a time that does not exist that day is met at the end of the gap; where they go back, a
    time that is there twice is met once, and what comes every so many minutes or hours goes on through both.
    """

    def __init__(self, expression: str, zone: str) -> None:
        """Raises:
        InvalidInput: the expression or the zone cannot be read.
        """
        self._zone = read_zone(zone)
        self._expression = _SHORT.get(expression.strip().lower(), expression)
        if len(expression) > _LONGEST or len(self._expression.split()) != _FIELDS:
            raise _unreadable("it has five fields: minute, hour, day of the month, month, day of the week")
        try:
            CronSim(self._expression, datetime.now(UTC))
        except CronSimError as error:
            raise _unreadable(str(error).lower()) from error

    def after(self, moment: datetime) -> datetime | None:
        """The first time later than this; None if there is none within fifty years."""
        found = CronSim(self._expression, moment.astimezone(self._zone))
        # Within the hour that is there twice the next time may be one that has passed in the first.
        return next((each for each in map(_utc, found) if each > moment), None)

    def until(self, moment: datetime) -> Iterator[datetime]:
        """The times up to and including this one, the latest first."""
        found = CronSim(self._expression, moment.astimezone(self._zone).replace(microsecond=1), reverse=True)
        return (each for each in map(_utc, found) if each <= moment)


def read_zone(name: str) -> ZoneInfo:
    """The time zone of that name of the IANA.

    Raises:
        InvalidInput: there is none.
    """
    if name != "UTC" and name not in _zones():
        raise InvalidInput("value_invalid", "no such time zone", field="timezone", hint="such as UTC or Europe/Berlin")
    return ZoneInfo(name)


@cache
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())


def _utc(moment: datetime) -> datetime:
    return moment.astimezone(UTC)


def _unreadable(why: str) -> InvalidInput:
    return InvalidInput(
        "value_invalid", f"that is no cron expression: {why}", field="cron", hint="such as `30 6 * * 1-5`"
    )
