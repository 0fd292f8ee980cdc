"""`impasto jobs submit|list|show|watch|logs|events|cancel|retry`."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import IO, TYPE_CHECKING, Any

import click

from impasto.cli import tables, words
from impasto.cli.session import Session, command
from impasto.cli.waiting import queue_place, told, wait_for, waits_for

if TYPE_CHECKING:
    from impasto.jobs import JobRecord
    from impasto.logs import LogLine

_STATES = ["queued", "running", "succeeded", "failed", "canceled"]


@click.group(short_help="Submit, list, show, watch, cancel and retry jobs; their logs and events.")
def jobs() -> None:
    """Submit, list, show, watch, cancel and retry jobs; read their logs and events."""


@jobs.command(short_help="Submit many jobs from a file.")
@click.argument("file", type=click.File(encoding="utf-8"))
@click.option("--idempotency-key", metavar="KEY", help="The same key and file again give the same jobs.")
@command
def submit(session: Session, file: IO[str], idempotency_key: str | None) -> None:
    """Submit up to 1,000 jobs together from a file with a JSON object a line; - is stdin.

    A line has "kind" and "params", and may have "priority", "deadline_s", "start_by_s", "start_after_s",
    "no_progress_s" and "require_worker". All are accepted, or none. Prints their ids and leaves them to run.
    """
    from impasto.client.jobs import submitting_bodies

    accepted = session.client.transport.run(submitting_bodies(_lines(file), idempotency_key))
    if session.as_json:
        session.json(accepted)
        return
    for job in accepted:
        click.echo(job.id)
    session.note(f"{len(accepted)} jobs run without you; look again with: impasto jobs list")


@jobs.command("list", short_help="List jobs, newest first.")
@click.option("--state", type=click.Choice(_STATES))
@click.option("--kind", metavar="KIND", help="Such as generate.stylise.")
@click.option("--code", metavar="CODE", help="Only jobs that failed with it, such as worker_lost.")
@click.option("--limit", type=click.IntRange(1), default=30, show_default=True)
@command
def list_(session: Session, state: str | None, kind: str | None, code: str | None, limit: int) -> None:
    """List jobs, newest first."""
    found = list(session.client.jobs.list(state=state, kind=kind, code=code, limit=limit))
    if session.as_json:
        session.json(found)
        return
    rows = ((j.id, j.kind, tables.state(j.state.value), words.ago(j.created_at), _took(j), _said(j)) for j in found)
    tables.table(session, ["ID", "KIND", "STATE", "SUBMITTED", "#TOOK", ""], rows, "no jobs")


@jobs.command(short_help="Show a job.")
@click.argument("job_id", metavar="JOB")
@command
def show(session: Session, job_id: str) -> None:
    """Show everything about a job: params, its place in the queue, progress, result, or error and last log lines."""
    job = session.client.jobs.get(job_id, estimate=True)
    if session.as_json:
        session.json(job)
        return
    tables.facts(
        session,
        {
            "id": job.id,
            "kind": job.kind,
            "state": tables.state(job.state.value),
            "submitted": words.ago(job.created_at),
            "took": _took(job),
            "attempts": job.attempts,
            "retry of": job.retry_of,
            "start after": words.ago(job.start_after) if job.start_after and not job.started_at else None,
            "queue": _waiting(job),
            "start by": words.ago(job.start_by) if job.start_by and not job.started_at else None,
            "deadline": words.ago(job.finish_by) if job.finish_by else None,
            "no progress for": f"at most {job.no_progress_s:g} s" if job.no_progress_s else None,
            "progress": told(job.progress) if job.progress and not job.state.is_final else None,
            "error": f"{job.error.get('code')}: {job.error.get('message')}" if job.error else None,
        },
    )
    for title, values in (("params", job.params), ("result", job.result)):
        if values:
            click.secho(title, bold=True)
            tables.facts(session, {f"  {name}": value for name, value in tables.flat(values).items()})
    if job.log_tail:
        click.secho("last log lines", bold=True)
        for line in job.log_tail:
            click.echo(f"  {_line(line)}")


@jobs.command(short_help="Follow a job to its end.")
@click.argument("job_id", metavar="JOB")
@command
def watch(session: Session, job_id: str) -> None:
    """Follow a job to its end. Ctrl-C stops the watching, not the job. Exit status 1 if the job fails."""
    job = session.client.jobs.handle(job_id)
    wait_for(session, job)
    if session.as_json:
        session.json(job.record)
    else:
        click.echo(f"{click.style('succeeded', fg='green')} in {_took(job.record)}")
        session.note(f"its result: impasto jobs show {job_id}")


@jobs.command(short_help="Read a job's log.")
@click.argument("job_id", metavar="JOB")
@click.option("--follow", "-f", is_flag=True, help="Go on until the job has ended.")
@click.option("--after", type=click.IntRange(0), default=0, metavar="NUMBER", help="Only lines after that one.")
@command
def logs(session: Session, job_id: str, follow: bool, after: int) -> None:
    """Read what a job's handler said, while it runs and afterwards; a job keeps its last 200 lines."""
    found = session.client.jobs.follow_log(job_id, after) if follow else session.client.jobs.log(job_id, after)
    if session.as_json and not follow:
        session.json(list(found))
        return
    for line in found:
        click.echo(line.model_dump_json() if session.as_json else _line(line))


@jobs.command(short_help="Follow the events of all jobs.")
@click.option("--after", metavar="POSITION", default="now", help="0 for the oldest, or an event's position.")
@click.option("--follow/--no-follow", default=True, help="Go on as they happen, or end with those so far.")
@click.option("--kind", "kinds", multiple=True, metavar="KIND", help="Only of jobs of this kind; may be repeated.")
@click.option("--type", "types", multiple=True, metavar="TYPE", help="Such as job.failed; may be repeated.")
@command
def events(session: Session, after: str, follow: bool, kinds: tuple[str, ...], types: tuple[str, ...]) -> None:
    """Follow the events of all jobs, skipping none; a line each. With --json an object a line, with its position."""
    after = "0" if after == "now" and not follow else after
    with suppress(KeyboardInterrupt):
        for event in session.client.events(after, follow=follow, kinds=kinds, types=types):
            if session.as_json:
                click.echo(event.model_dump_json())
                continue
            data = " ".join(f"{name}={value}" for name, value in event.data.items() if name != "kind")
            when = event.occurred_at.astimezone().strftime("%H:%M:%S")
            click.echo(f"{when}  {event.job_id}  {event.kind}  {event.type}  {data}".rstrip())


@jobs.command(short_help="Ask a job to stop.")
@click.argument("job_id", metavar="JOB")
@command
def cancel(session: Session, job_id: str) -> None:
    """Ask a job to stop. One that waits ends at once, one that runs within seconds."""
    job = session.client.jobs.cancel(job_id)
    if session.as_json:
        session.json(job)
    else:
        click.echo("canceled" if job.state.value == "canceled" else "stopping; it ends within seconds")


@jobs.command(short_help="Try jobs again.")
@click.argument("job_ids", metavar="JOB...", nargs=-1)
@click.option("--code", metavar="CODE", help="Instead of JOB...: those that failed with it and were not retried yet.")
@click.option("--kind", metavar="KIND", help="With --code: only jobs of this kind.")
@command
def retry(session: Session, job_ids: tuple[str, ...], code: str | None, kind: str | None) -> None:
    """Try jobs again that failed or were canceled. Each becomes a new job with the same params; prints their ids.

    A job is retried once: asked again, the same new job is told. That one can be retried in its turn.
    """
    if bool(job_ids) == bool(code) or (kind and not code):
        raise click.UsageError("give jobs, or --code, maybe with --kind")
    made = session.client.jobs.retry_all(job_ids or None, code=code, kind=kind)
    if session.as_json:
        session.json(made)
        return
    for job in made:
        click.echo(job.id)
    if not made:
        session.note("there are no such jobs")


def _lines(file: IO[str]) -> list[dict[str, Any]]:
    found = []
    for number, line in enumerate(file, 1):
        if not line.strip():
            continue
        try:
            job = json.loads(line)
        except ValueError as error:
            raise click.UsageError(f"line {number} is not JSON: {error}") from error
        if not isinstance(job, dict):
            raise click.UsageError(f"line {number} is not a JSON object")
        found.append(job)
    if not found:
        raise click.UsageError("the file has no jobs")
    return found


def _took(job: JobRecord) -> str:
    if not job.started_at or not job.finished_at:
        return ""
    return words.span((job.finished_at - job.started_at).total_seconds())


def _waiting(job: JobRecord) -> str | None:
    if job.waiting_for:
        return waits_for(job.waiting_for)
    return queue_place(job.queue) if job.queue else None


def _line(line: LogLine) -> str:
    level = "" if line.level == "info" else f"{line.level.upper()}  "
    return f"{line.at.astimezone().strftime('%H:%M:%S')}  {level}{line.message}"


def _said(job: JobRecord) -> str:
    if job.error and job.state.value == "failed":
        return str(job.error.get("code", ""))
    if job.waiting_for:
        return "waits for a worker"
    return words.short(told(job.progress), 40) if job.progress and job.state.value == "running" else ""
