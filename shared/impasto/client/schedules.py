"""Flows of schedules, shared by both clients."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypedDict

from impasto.client.answers import send
from impasto.client.flow import Flow, Request
from impasto.client.jobs import JobOptions, kind_of
from impasto.client.resources import create, place
from impasto.schedules import CatchUp, Overlap, ScheduleShown

if TYPE_CHECKING:
    from impasto.kinds.kind import Params


class When(TypedDict, total=False):
    """When a schedule is due: by a cron expression or once, in a time zone; and what if that cannot be kept."""

    cron: str
    at: datetime | str
    timezone: str
    overlap: Overlap
    catch_up: CatchUp


def making(name: str, params: Params, when: When, options: JobOptions) -> Flow[ScheduleShown]:
    """A schedule for jobs with these params.

    Raises:
        InvalidInput: no kind takes such params, or the platform refuses them or the time.
    """
    job = {"kind": kind_of(params), "params": params.model_dump(mode="json", exclude_unset=True), **options}
    return (yield from making_of(name, job, when))


def making_of(name: str, job: Mapping[str, Any], when: When) -> Flow[ScheduleShown]:
    """A schedule for a job as it is sent to the platform: `kind`, `params` and options."""
    said = {key: value.isoformat() if isinstance(value, datetime) else value for key, value in when.items()}
    return (yield from create(ScheduleShown, {"name": name, "job": dict(job), **said}, "schedules"))


def moving(schedule_id: str, what: str) -> Flow[ScheduleShown]:
    """`pause` or `resume`; doing so twice changes nothing."""
    answer = yield from send(Request("POST", place("schedules", schedule_id, what)))
    return ScheduleShown.model_validate_json(answer.content)
