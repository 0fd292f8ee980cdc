"""`impasto schedules add|list|show|pause|resume|remove`."""

from __future__ import annotations

import json
from datetime import datetime
from typing import IO, TYPE_CHECKING

import click

from impasto.cli import tables, words
from impasto.cli.session import Session, command

if TYPE_CHECKING:
    from impasto.client.schedules import When
    from impasto.schedules import Schedule, ScheduleShown


@click.group(short_help="Submit jobs at a time or by cron.")
def schedules() -> None:
    """Submit jobs at a time, or again and again by a cron expression."""


@schedules.command(short_help="Make a schedule.")
@click.argument("name")
@click.argument("file", type=click.File(encoding="utf-8"))
@click.option("--cron", metavar="EXPRESSION", help="Minute, hour, day, month, weekday: '30 6 * * 1-5'; or @daily.")
@click.option("--at", metavar="TIME", help="Once, such as '2027-01-31 18:00' in the time zone.")
@click.option("--timezone", default="UTC", show_default=True, help="Such as Europe/Berlin.")
@click.option("--overlap", type=click.Choice(["allow", "skip"]), default="allow", show_default=True)
@click.option("--catch-up", type=click.Choice(["latest", "all", "none"]), default="latest", show_default=True)
@command
def add(session: Session, name: str, file: IO[str], cron: str | None, at: str | None, **when: str) -> None:
    """Make a schedule for the job in FILE, a JSON object with "kind" and "params"; - is stdin.

    The object may have "priority", "deadline_s" and what else a job is submitted with. With --overlap skip no job is
    submitted while that of the time before has not ended. --catch-up says which of the times are met that passed while
    nothing could be submitted.
    """
    from impasto.client.schedules import making_of

    if (cron is None) == (at is None):
        raise click.UsageError("give either --cron or --at")
    chosen: When = {**when, **({"cron": cron} if cron else {"at": _moment(at)})}  # type: ignore[typeddict-item]
    made = session.client.transport.run(making_of(name, _job(file), chosen))
    if session.as_json:
        session.json(made)
        return
    click.echo(made.id)
    session.note(f"next: {', '.join(_local(time) for time in made.upcoming[:3])}")


@schedules.command("list", short_help="List schedules.")
@command
def list_(session: Session) -> None:
    """List schedules, newest first."""
    found = list(session.client.schedules.list())
    if session.as_json:
        session.json(found)
        return
    rows = ((s.id, s.name, s.state, _when(s), str(s.job.get("kind")), _next(s), _last(s)) for s in found)
    tables.table(session, ["ID", "NAME", "STATE", "WHEN", "KIND", "NEXT", "LAST"], rows, "no schedules")


@schedules.command(short_help="Show a schedule and its last runs.")
@click.argument("schedule_id", metavar="SCHEDULE")
@command
def show(session: Session, schedule_id: str) -> None:
    """Show a schedule, its next times, and what became of the last."""
    _tell(session, session.client.schedules.get(schedule_id))


@schedules.command(short_help="Submit nothing for a while.")
@click.argument("schedule_id", metavar="SCHEDULE")
@command
def pause(session: Session, schedule_id: str) -> None:
    """Submit nothing until the schedule is resumed. Times that pass meanwhile are not caught up."""
    _tell(session, session.client.schedules.pause(schedule_id))


@schedules.command(short_help="Go on after a pause.")
@click.argument("schedule_id", metavar="SCHEDULE")
@command
def resume(session: Session, schedule_id: str) -> None:
    """Go on with the next time."""
    _tell(session, session.client.schedules.resume(schedule_id))


@schedules.command(short_help="Remove a schedule.")
@click.argument("schedule_id", metavar="SCHEDULE")
@command
def remove(session: Session, schedule_id: str) -> None:
    """Remove a schedule. The jobs that it submitted stay."""
    session.client.schedules.remove(schedule_id)
    if session.as_json:
        session.json({"removed": schedule_id})
    else:
        click.echo(f"{schedule_id} is removed")


def _job(file: IO[str]) -> dict[str, object]:
    try:
        job = json.load(file)
    except ValueError as error:
        raise click.UsageError(f"the file is not JSON: {error}") from error
    if not isinstance(job, dict):
        raise click.UsageError("the file is not a JSON object")
    return job


def _moment(text: str | None) -> str:
    try:
        return datetime.fromisoformat(text or "").isoformat()
    except ValueError as error:
        raise click.BadParameter(f"{text!r} is no time, such as '2027-01-31 18:00'", param_hint="--at") from error


def _tell(session: Session, schedule: ScheduleShown) -> None:
    if session.as_json:
        session.json(schedule)
        return
    tables.facts(
        session,
        {
            "id": schedule.id,
            "name": schedule.name,
            "state": schedule.state,
            "when": _when(schedule),
            "next": ", ".join(_local(time) for time in schedule.upcoming),
            "kind": schedule.job.get("kind"),
            "overlap": schedule.overlap,
            "catch up": schedule.catch_up,
            "last": _last(schedule),
        },
    )
    rows = ((_local(r.due_at), r.outcome, r.job_id or _why(r.error)) for r in schedule.runs)
    tables.table(session, ["DUE", "OUTCOME", "JOB OR REASON"], rows, "it has not been due yet")


def _when(schedule: Schedule) -> str:
    return f"{schedule.cron} ({schedule.timezone})" if schedule.cron else _local(schedule.at)


def _next(schedule: Schedule) -> str:
    return words.ago(schedule.next_at) if schedule.next_at else ""


def _last(schedule: Schedule) -> str:
    if schedule.last_error:
        return _why(schedule.last_error)
    return words.ago(schedule.last_due_at) if schedule.last_due_at else ""


def _why(error: dict[str, object] | None) -> str:
    return f"{error.get('code')}: {error.get('message')}" if error else ""


def _local(moment: datetime | None) -> str:
    return moment.astimezone().strftime("%Y-%m-%d %H:%M") if moment else ""
