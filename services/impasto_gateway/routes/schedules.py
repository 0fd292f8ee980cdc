"""`/v1/schedules`: jobs that are submitted when their time has come."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final, Self

from fastapi import APIRouter, Body, Request
from psycopg import AsyncConnection
from pydantic import BaseModel, ConfigDict, Field, model_validator

from impasto.artworks import ShortText
from impasto.backends.cron import CronCalendar, read_zone
from impasto.backends.postgres import schedules
from impasto.backends.postgres.inbox import PostgresInbox
from impasto.backends.web.problems import documented
from impasto.errors import Conflict, InvalidInput, NotFound
from impasto.identifiers import ScheduleId, new_id
from impasto.schedules import MOST_SCHEDULES, CatchUp, Overlap, Schedule, ScheduleShown
from impasto.scheduling import job_of
from impasto.submission import new_job_id, refuse_unfit
from impasto_gateway.job_requests import JobRequest, asked_for
from impasto_gateway.parts import Cursor, Limit, Page, ReadTransaction, SubmitTransaction, page

router = APIRouter(prefix="/v1/schedules", tags=["schedules"])
_SHOWN_TIMES: Final = 5
_SHOWN_RUNS: Final = 20
_FARTHEST: Final = timedelta(days=3653)


class ScheduleRequest(BaseModel):
    """When, and which job: as it is sent to `/v1/jobs`, without a callback."""

    model_config = ConfigDict(extra="forbid")

    name: ShortText = Field(min_length=1, examples=["nightly"])
    cron: str | None = Field(None, min_length=1, max_length=100, examples=["30 6 * * 1-5"])
    at: datetime | None = Field(None, description="Once, then; a time without a zone is one of `timezone`.")
    timezone: str = Field("UTC", min_length=1, max_length=60, description="Of the IANA's names.")
    job: JobRequest
    overlap: Overlap = Field("allow", description="`skip`: not while the job of the time before has not ended.")
    catch_up: CatchUp = Field("latest", description="Which of the times that passed while nobody could submit.")

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if (self.cron is None) == (self.at is None):
            raise ValueError("give either cron or at")
        return self


@router.post("", status_code=201, summary="Make a schedule", operation_id="create_schedule", responses=documented(409))
async def create_schedule(
    request: Annotated[ScheduleRequest, Body()], connection: SubmitTransaction, http: Request
) -> ScheduleShown:
    """A schedule that is active from now on. Its job is checked now, and again each time it is submitted."""
    if request.job.callback is not None:
        raise InvalidInput(
            "field_unknown", "a scheduled job has no callback", field="job.callback", hint="register a webhook"
        )
    now = datetime.now(UTC)
    at = _moment(request, now)
    next_at = at or _calendar(request).after(now)
    if next_at is None:
        raise InvalidInput("value_invalid", "that time never comes", field="cron")
    body = asked_for(request.job)
    await refuse_unfit(PostgresInbox(connection), job_of(body, new_job_id()), "job.params")
    if await schedules.count_schedules(connection) >= MOST_SCHEDULES:
        raise Conflict("schedule_limit", f"a tenant has at most {MOST_SCHEDULES} schedules", limit=MOST_SCHEDULES)
    chosen = request.model_dump(include={"name", "cron", "timezone", "overlap", "catch_up"})
    found = {"at": at, "job": body, "next_at": next_at, "traceparent": http.state.traceparent}
    made = await schedules.add_schedule(connection, {**chosen, **found, "id": new_id("sch")})
    if made is None:
        raise Conflict(
            "name_taken", "there is a schedule of that name", field="name", hint="remove it, or take another"
        )
    return await _shown(connection, made)


@router.get("", summary="List schedules", operation_id="list_schedules")
async def get_schedules(connection: ReadTransaction, cursor: Cursor, limit: Limit = 50) -> Page[Schedule]:
    """The tenant's schedules, newest first."""
    return page(await schedules.list_schedules(connection, cursor, limit + 1), limit)


@router.get("/{schedule_id}", summary="Look at a schedule", operation_id="get_schedule")
async def get_schedule(schedule_id: ScheduleId, connection: ReadTransaction) -> ScheduleShown:
    """A schedule, its next five times, and what became of the last twenty."""
    return await _shown(connection, await _existing(connection, schedule_id))


@router.post(
    "/{schedule_id}/pause", summary="Pause a schedule", operation_id="pause_schedule", responses=documented(409)
)
async def pause_schedule(schedule_id: ScheduleId, connection: SubmitTransaction) -> ScheduleShown:
    """Submits nothing until it is resumed; times that pass meanwhile are not caught up."""
    found = await _existing(connection, schedule_id, held=True)
    _refuse_ended(found)
    return await _shown(connection, await schedules.set_state(connection, found.id, "paused", None))


@router.post(
    "/{schedule_id}/resume", summary="Resume a schedule", operation_id="resume_schedule", responses=documented(409)
)
async def resume_schedule(schedule_id: ScheduleId, connection: SubmitTransaction) -> ScheduleShown:
    """Goes on with the next time; one that is due but once and has passed meanwhile is met now."""
    found = await _existing(connection, schedule_id, held=True)
    _refuse_ended(found)
    if found.state == "active":
        return await _shown(connection, found)
    next_at = found.at or _calendar(found).after(datetime.now(UTC))
    return await _shown(connection, await schedules.set_state(connection, found.id, "active", next_at))


@router.delete("/{schedule_id}", status_code=204, summary="Remove a schedule", operation_id="remove_schedule")
async def remove_schedule(schedule_id: ScheduleId, connection: SubmitTransaction) -> None:
    """Removes a schedule and the log of its runs. The jobs that it submitted stay."""
    if not await schedules.remove_schedule(connection, schedule_id):
        raise NotFound("schedule", schedule_id)


def _moment(request: ScheduleRequest, now: datetime) -> datetime | None:
    """When a schedule is due that is due but once.

    Raises:
        InvalidInput: that has passed, or is farther away than ten years.
    """
    zone = read_zone(request.timezone)
    if request.at is None:
        return None
    # Compared without its zone first: at the ends of the calendar no time can be moved to another.
    near = abs(request.at.replace(tzinfo=None) - now.replace(tzinfo=None)) < _FARTHEST
    at = request.at if request.at.tzinfo else request.at.replace(tzinfo=zone)
    if not near or at <= now:
        raise InvalidInput("value_out_of_range", "a time from now on, and within ten years", field="at")
    return at.astimezone(UTC)


def _calendar(schedule: ScheduleRequest | Schedule) -> CronCalendar:
    assert schedule.cron is not None
    return CronCalendar(schedule.cron, schedule.timezone)


async def _shown(connection: AsyncConnection[Any], schedule: Schedule) -> ScheduleShown:
    upcoming = [] if schedule.next_at is None else [schedule.next_at]
    if upcoming and schedule.cron:
        calendar = _calendar(schedule)
        while len(upcoming) < _SHOWN_TIMES and (later := calendar.after(upcoming[-1])):
            upcoming.append(later)
    runs = await schedules.runs_of(connection, schedule.id, _SHOWN_RUNS)
    return ScheduleShown(**schedule.model_dump(), upcoming=upcoming, runs=runs)


async def _existing(connection: AsyncConnection[Any], schedule_id: str, *, held: bool = False) -> Schedule:
    if (found := await schedules.schedule_by_id(connection, schedule_id, held=held)) is None:
        raise NotFound("schedule", schedule_id)
    return found


def _refuse_ended(schedule: Schedule) -> None:
    if schedule.state == "ended":
        raise Conflict("schedule_ended", "the schedule was due but once, and that is over")
