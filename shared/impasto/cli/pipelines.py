"""`impasto pipelines submit|list|show|watch|cancel|resume`."""

from __future__ import annotations

import json
from typing import IO, TYPE_CHECKING, Any

import click

from impasto.cli import pipeline_view, tables, words
from impasto.cli.session import Session, command
from impasto.cli.waiting import INTERRUPTED

if TYPE_CHECKING:
    from impasto.client import Pipeline
    from impasto.pipelines.records import PipelineEvent, PipelineRecord, StepProgress

_STATES = ["queued", "running", "succeeded", "failed", "canceled"]


@click.group(short_help="Submit, list, show, watch, cancel and resume pipelines.")
def pipelines() -> None:
    """Submit, list, show, watch, cancel and resume pipelines: several jobs that feed one another."""


@pipelines.command(short_help="Submit a pipeline from a file.")
@click.argument("file", type=click.File(encoding="utf-8"))
@click.option("--dry-run", is_flag=True, help="Check all of it and say what would run; nothing is kept.")
@click.option("--wait/--no-wait", default=False, help="Follow it to its end, or print its id and leave it to run.")
@click.option("--idempotency-key", metavar="KEY", help="The same key and file again give the same pipeline.")
@command
def submit(session: Session, file: IO[str], dry_run: bool, wait: bool, idempotency_key: str | None) -> None:
    """Submit the pipeline in a JSON file; - is stdin.

    It holds "name" and "steps": by its name, each step's "kind" and "params", and maybe "if", "after", "priority" and
    "no_progress_s". A value in the params may be "$steps.STEP.FIELD". All of it is checked before anything starts.
    """
    name, steps = _read(file)
    if dry_run:
        plan = session.client.pipelines.plan(name, steps)
        if session.as_json:
            session.json(plan)
        else:
            session.print(pipeline_view.plan_tree(plan))
            session.note(f"checked: {'; '.join(plan.checks)}")
        return
    made = session.client.pipelines.submit(name, steps, idempotency_key=idempotency_key)
    if wait:
        _follow(session, made)
    elif session.as_json:
        session.json(made.record)
    else:
        click.echo(made.id)
        session.note(f"it runs without you; look again with: impasto pipelines show {made.id}")


@pipelines.command("list", short_help="List pipelines, newest first.")
@click.option("--state", type=click.Choice(_STATES))
@click.option("--limit", type=click.IntRange(1), default=30, show_default=True)
@command
def list_(session: Session, state: str | None, limit: int) -> None:
    """List pipelines, newest first."""
    found = list(session.client.pipelines.list(state=state, limit=limit))
    if session.as_json:
        session.json(found)
        return
    rows = (
        (one.id, one.name, tables.state(one.state.value), words.ago(one.created_at), pipeline_view.took(one),
         pipeline_view.counts(one))
        for one in found
    )  # fmt: skip
    tables.table(session, ["ID", "NAME", "STATE", "SUBMITTED", "#TOOK", "STEPS"], rows, "no pipelines")


@pipelines.command(short_help="Show a pipeline and its steps.")
@click.argument("pipeline_id", metavar="PIPELINE")
@command
def show(session: Session, pipeline_id: str) -> None:
    """Show a pipeline with its steps: their states, their jobs, how far those are, and why one did not run."""
    _show(session, session.client.pipelines.get(pipeline_id))


@pipelines.command(short_help="Follow a pipeline to its end.")
@click.argument("pipeline_id", metavar="PIPELINE")
@command
def watch(session: Session, pipeline_id: str) -> None:
    """Follow a pipeline to its end. Ctrl-C stops the watching, not the pipeline. Exit status 1 if it fails."""
    _follow(session, session.client.pipelines.handle(pipeline_id))


@pipelines.command(short_help="Ask a pipeline to stop.")
@click.argument("pipeline_id", metavar="PIPELINE")
@command
def cancel(session: Session, pipeline_id: str) -> None:
    """Ask a pipeline to stop. Nothing more of it begins; its jobs end within seconds."""
    record = session.client.pipelines.cancel(pipeline_id)
    if session.as_json:
        session.json(record)
    else:
        click.echo("canceled" if record.state.value == "canceled" else "stopping; it ends within seconds")


@pipelines.command(short_help="Resume a pipeline from what failed.")
@click.argument("pipeline_id", metavar="PIPELINE")
@click.option("--wait/--no-wait", default=False, help="Follow it to its end, or leave it to run.")
@command
def resume(session: Session, pipeline_id: str, wait: bool) -> None:
    """Try again what failed or was canceled, by new jobs, and keep what has succeeded."""
    made = session.client.pipelines.handle(pipeline_id)
    made.resume()
    if wait:
        _follow(session, made)
    else:
        _show(session, made.record)


def _show(session: Session, record: PipelineRecord) -> None:
    if session.as_json:
        session.json(record)
        return
    session.print(pipeline_view.tree(record))


def _follow(session: Session, made: Pipeline) -> None:
    """Tells each event on stderr, and shows the whole in the end.

    Raises:
        JobFailed: it failed or was canceled.
        click.exceptions.Exit: Ctrl-C; the pipeline goes on.
    """
    session.note(made.id)
    tenths: dict[str, int] = {}

    def progress(told: StepProgress) -> None:
        tenth = int((told.progress.fraction or 0) * 10)
        if tenths.get(told.step) != tenth:
            tenths[told.step] = tenth
            session.note(pipeline_view.progress_line(told))

    def event(told: PipelineEvent) -> None:
        session.note(pipeline_view.event_line(told))

    try:
        made.wait(on_progress=progress, on_event=event)
    except KeyboardInterrupt:
        click.echo(f"\n{made.id} goes on without you. Look again: impasto pipelines watch {made.id}", err=True)
        raise click.exceptions.Exit(INTERRUPTED) from None
    finally:
        if made.record.state.is_final:
            _show(session, made.record)


def _read(file: IO[str]) -> tuple[str, dict[str, Any]]:
    """The name and the steps that a file holds.

    Raises:
        click.UsageError: it is not JSON, or not a pipeline.
    """
    try:
        found = json.load(file)
    except ValueError as error:
        raise click.UsageError(f"{file.name} is not JSON: {error}") from error
    steps = found.get("steps") if isinstance(found, dict) else None
    if not isinstance(steps, dict) or not all(isinstance(step, dict) for step in steps.values()):
        raise click.UsageError(f'{file.name} is no pipeline: it has to be an object with "name" and "steps"')
    if unknown := set(found) - {"name", "steps"}:
        raise click.UsageError(f"{file.name} has fields that a pipeline does not: {', '.join(sorted(unknown))}")
    return str(found.get("name", "")), steps
