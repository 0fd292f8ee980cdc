"""Scheduling: a schedule whose time has come becomes one job, or says why it does not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice, takewhile
from typing import Any, Final, Protocol

from pydantic import ValidationError

from impasto.errors import InvalidInput
from impasto.kinds import all_kinds
from impasto.schedules import MOST_CAUGHT_UP, PUNCTUAL_S, CatchUp
from impasto.submission import NewJob, new_job

_PUNCTUAL: Final = timedelta(seconds=PUNCTUAL_S)


class Calendar(Protocol):
    """When a schedule is due."""

    def after(self, moment: datetime) -> datetime | None:
        """The first time later than this."""
        ...

    def until(self, moment: datetime) -> Iterator[datetime]:
        """The times up to and including this one, the latest first."""
        ...


@dataclass(frozen=True, slots=True)
class Turn:
    """Which time is met now, and which is next. One that was missed for good is not to be met: `missed`."""

    due_at: datetime
    next_at: datetime | None
    missed: bool = False


def turn(next_at: datetime, now: datetime, catch_up: CatchUp, calendar: Calendar | None) -> Turn:
    """What to do about a schedule that has been due since `next_at`; without a calendar it is due but once."""
    if calendar is None:
        return Turn(next_at, None, missed=catch_up == "none" and now - next_at > _PUNCTUAL)
    passed = list(islice(takewhile(lambda time: time >= next_at, calendar.until(now)), MOST_CAUGHT_UP)) or [next_at]
    if catch_up == "all":
        due_at = passed[-1]
        return Turn(due_at, calendar.after(due_at))
    return Turn(passed[0], calendar.after(now), missed=catch_up == "none" and now - passed[0] > _PUNCTUAL)


def job_of(body: Mapping[str, Any], job_id: str) -> NewJob:
    """A job from the body that asks for it. Its params are checked again: they may have been kept for months.

    Raises:
        InvalidInput: the kind is gone, or takes such params no more.
    """
    kind = all_kinds().get(body["kind"])
    if kind is None:
        raise InvalidInput("kind_unknown", "there is no such kind any more", field="job.kind")
    try:
        params = kind.params.model_validate(body["params"])
    except ValidationError as error:
        place = ".".join(map(str, error.errors()[0]["loc"]))
        raise InvalidInput(
            "value_invalid", f"the kind takes such params no more: {place}", field=f"job.params.{place}"
        ) from error

    return new_job(job_id, {**body, "params": params.model_dump(mode="json")})
