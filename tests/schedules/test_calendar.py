"""When schedules are due: cron expressions, time zones, clocks that jump, and times that were missed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from impasto.backends.cron import CronCalendar, read_zone
from impasto.errors import InvalidInput
from impasto.scheduling import Turn, turn

_BERLIN = ZoneInfo("Europe/Berlin")


def _times(expression: str, start: datetime, count: int, zone: str = "Europe/Berlin") -> list[str]:
    calendar, found, moment = CronCalendar(expression, zone), [], start
    for _ in range(count):
        later = calendar.after(moment)
        assert later is not None
        assert later > moment
        assert later.tzinfo is UTC
        found.append(later.astimezone(ZoneInfo(zone)).strftime("%d %H:%M%z"))
        moment = later
    return found


def test_a_time_that_a_spring_day_lacks_is_met_at_the_end_of_the_gap() -> None:
    start = datetime(2026, 3, 28, tzinfo=_BERLIN)
    assert _times("30 2 * * *", start, 3) == ["28 02:30+0100", "29 03:00+0200", "30 02:30+0200"]
    assert _times("0 6 * * *", start, 3) == ["28 06:00+0100", "29 06:00+0200", "30 06:00+0200"]


def test_a_time_that_an_autumn_day_has_twice_is_met_once_and_what_comes_each_half_hour_goes_on() -> None:
    start = datetime(2026, 10, 24, 12, tzinfo=_BERLIN)
    assert _times("30 2 * * *", start, 2) == ["25 02:30+0200", "26 02:30+0100"]
    start = datetime(2026, 10, 25, 1, 31, tzinfo=_BERLIN)
    assert _times("*/30 * * * *", start, 5) == [
        "25 02:00+0200", "25 02:30+0200", "25 02:00+0100", "25 02:30+0100", "25 03:00+0100",
    ]  # fmt: skip


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata", "UTC"])
@pytest.mark.parametrize("expression", ["45 2 * * *", "*/7 * * * *", "15 1,2,3 * * *", "0 0 1 * *", "30 */3 * * 1-5"])
def test_from_whatever_moment_the_next_time_is_later_and_the_last_is_not(expression: str, zone: str) -> None:
    calendar = CronCalendar(expression, zone)
    for days in (86, 87, 88, 91, 92, 93, 296, 297, 298, 303, 304, 305):
        for minutes in range(0, 1440, 47):
            moment = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=days, minutes=minutes, seconds=13)
            after, until = calendar.after(moment), next(calendar.until(moment))
            assert after is not None
            assert until <= moment < after
            following = calendar.after(until)
            assert following is not None
            assert following <= after, "no time is left out between the last and the next"


@pytest.mark.parametrize(
    "expression",
    [
        "", "* * * *", "* * * * * *", "60 * * * *", "* 24 * * *", "* * 32 * *", "* * * 13 *", "*/0 * * * *",
        "a b c d e", "² * * * *", "0 0 30 2 *", "@often", "* " * 5000, "9" * 90 + " * * * *", "5-1 * * * *",
    ],
)  # fmt: skip
def test_what_is_no_cron_expression_is_refused(expression: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        CronCalendar(expression, "UTC")
    assert caught.value.data["field"] == "cron"


@pytest.mark.parametrize(
    "zone", ["", "Mars/Olympus", "../../etc/passwd", "Europe", "/etc/localtime", "utc\0", "a" * 60]
)
def test_what_is_no_time_zone_is_refused(zone: str) -> None:
    with pytest.raises(InvalidInput):
        read_zone(zone)


def test_short_names_are_expressions() -> None:
    assert _times("@Daily", datetime(2026, 1, 1, 5, tzinfo=UTC), 2, "UTC") == ["02 00:00+0000", "03 00:00+0000"]


_HOURLY = CronCalendar("@hourly", "UTC")
_DUE = datetime(2026, 5, 1, 3, tzinfo=UTC)


def _at(hour: int, minute: int = 0, second: int = 0) -> datetime:
    return datetime(2026, 5, 1, hour, minute, second, tzinfo=UTC)


@pytest.mark.parametrize("catch_up", ["latest", "all", "none"])
def test_a_time_that_is_met_in_time_is_met_whatever_the_policy(catch_up: str) -> None:
    assert turn(_DUE, _at(3, 0, 2), catch_up, _HOURLY) == Turn(_DUE, _at(4))  # type: ignore[arg-type]


def test_of_times_that_were_missed_the_latest_is_met_or_all_or_none() -> None:
    now = _at(7, 30)
    assert turn(_DUE, now, "latest", _HOURLY) == Turn(_at(7), _at(8))
    assert turn(_DUE, now, "none", _HOURLY) == Turn(_at(7), _at(8), missed=True)
    assert turn(_DUE, now, "all", _HOURLY) == Turn(_DUE, _at(4)), "one after the other"
    assert turn(_DUE, _at(7, 0, 5), "none", _HOURLY) == Turn(_at(7), _at(8)), "this one is in time"


def test_after_a_long_absence_a_hundred_times_are_caught_up_and_no_more() -> None:
    now = datetime(2027, 5, 1, 7, 30, tzinfo=UTC)
    first = turn(_DUE, now, "all", _HOURLY)
    assert first.due_at == datetime(2027, 5, 1, 7, tzinfo=UTC) - timedelta(hours=99)


def test_what_is_due_once_is_met_late_or_if_so_chosen_not_at_all() -> None:
    assert turn(_DUE, _at(9), "latest", None) == Turn(_DUE, None)
    assert turn(_DUE, _at(9), "none", None) == Turn(_DUE, None, missed=True)
    assert turn(_DUE, _at(3, 0, 30), "none", None) == Turn(_DUE, None)
