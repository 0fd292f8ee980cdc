"""Schedules: jobs that are submitted when their time has come, once or by a cron expression."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final, Literal

from pydantic import BaseModel

ScheduleState = Literal["active", "paused", "ended"]
# If the last job has not ended when the next is due: submit it all the same, or skip it.
Overlap = Literal["allow", "skip"]
# Of the times that passed while nobody was there to submit: the latest, all of the last hundred, or none.
CatchUp = Literal["latest", "all", "none"]
Outcome = Literal["submitted", "skipped", "failed"]

# A time that is met no later than this was not missed.
PUNCTUAL_S: Final = 60.0
MOST_CAUGHT_UP: Final = 100
MOST_SCHEDULES: Final = 200


class ScheduleRun(BaseModel):
    """What became of one due time: a job, or why there is none."""

    due_at: datetime
    outcome: Outcome
    job_id: str | None = None
    error: dict[str, Any] | None = None
    created_at: datetime


class Schedule(BaseModel):
    """A schedule as the API shows it. `job` is what is submitted; `last_error` is of the last time, if that failed."""

    id: str
    name: str
    cron: str | None = None
    at: datetime | None = None
    timezone: str
    job: dict[str, Any]
    overlap: Overlap
    catch_up: CatchUp
    state: ScheduleState
    next_at: datetime | None = None
    last_due_at: datetime | None = None
    last_job_id: str | None = None
    last_error: dict[str, Any] | None = None
    created_at: datetime


class ScheduleShown(Schedule):
    """A schedule with its next times and its last runs, newest first."""

    upcoming: list[datetime] = []
    runs: list[ScheduleRun] = []
