"""A pipeline on a terminal: its steps in their order, each with its state, its job, and how far or why not."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from impasto.cli import words
from impasto.cli.tables import STATE_COLOURS
from impasto.cli.waiting import told

if TYPE_CHECKING:
    from rich.text import Text
    from rich.tree import Tree

    from impasto.pipelines.records import (
        PipelineEvent,
        PipelinePlan,
        PipelineRecord,
        PipelineSummary,
        StepEstimate,
        StepProgress,
        StepRecord,
    )

_MARKS = {
    "waiting": "·", "queued": "○", "running": "◐", "succeeded": "●", "failed": "✗", "canceled": "✗", "skipped": "–",
}  # fmt: skip
_COLOURS = STATE_COLOURS | {"waiting": "dim", "skipped": "dim"}


def tree(record: PipelineRecord) -> Tree:
    """The pipeline and a line for each step, with a second one for what it waits for or why it ended as it did."""
    from rich.text import Text
    from rich.tree import Tree

    head = Text(record.name, style="bold")
    head.append(f"  {record.state.value}", style=_COLOURS[record.state.value])
    head.append(f"  {took(record)}  {record.id}", style="dim")
    drawn = Tree(head, guide_style="dim")
    width = max(len(step.name) for step in record.steps)
    for step in record.steps:
        branch = drawn.add(_line(step, width))
        if note := _note(step):
            branch.add(Text(note, style="dim"))
    return drawn


def plan_tree(plan: PipelinePlan) -> Tree:
    """What a dry run says: each step with its kind and queue, and what it takes and needs."""
    from rich.text import Text
    from rich.tree import Tree

    drawn = Tree(Text(plan.name, style="bold").append("  would run", style="dim"), guide_style="dim")
    width = max(len(step.name) for step in plan.steps)
    for step in plan.steps:
        line = Text(f"{step.name:<{width}}", style="cyan").append(f"  {step.kind}", style="default")
        line.append(f"  queue {step.queue}", style="dim")
        branch = drawn.add(line)
        for place, reference in step.takes.items():
            branch.add(Text(f"{place} from {reference.removeprefix('$steps.')}", style="dim"))
        if step.condition:
            branch.add(Text(f"if {step.condition}", style="dim"))
        given = {reference.split(".")[1] for reference in step.takes.values()}
        if later := [need for need in step.needs if need not in given]:
            branch.add(Text(f"after {', '.join(later)}", style="dim"))
        if step.estimate:
            branch.add(Text(_expected(step.estimate), style="dim"))
    return drawn


def _expected(estimate: StepEstimate) -> str:
    """Eight of ten lie between the two."""
    parts = [("would start in", estimate.start_in_s), ("runs", estimate.run_s)]
    return ", ".join(
        f"{what} {words.span(span.p10)} to {words.span(span.p90)}" for what, span in parts if span is not None
    )


def took(record: PipelineSummary) -> str:
    """How long it has taken since it was submitted."""
    return words.span(((record.finished_at or datetime.now(UTC)) - record.created_at).total_seconds())


def counts(record: PipelineSummary) -> str:
    """`3 succeeded, 1 failed`, in the order of a step's life."""
    by_state = {state.value: count for state, count in record.steps_by_state.items()}
    return ", ".join(f"{by_state[state]} {state}" for state in _MARKS if state in by_state)


def event_line(event: PipelineEvent) -> str:
    """An event in words: `train started`."""
    what = event.type.partition(".")[2].replace("_", " ")
    why = f" ({event.data['code']})" if event.data.get("code") else ""
    return f"{event.step or 'pipeline'} {what}{why}"


def progress_line(step: StepProgress) -> str:
    """How far a step is, on one line."""
    percent = f"{step.progress.fraction:4.0%}  " if step.progress.fraction is not None else ""
    return f"{step.step} {percent}{told(step.progress)}".rstrip()


def _line(step: StepRecord, width: int) -> Text:
    from rich.text import Text

    state = step.state.value
    line = Text(f"{_MARKS[state]} ", style=_COLOURS[state])
    line.append(f"{step.name:<{width}}  ", style="default")
    line.append(f"{state:<9}", style=_COLOURS[state])
    line.append(f"  {step.kind}", style="dim")
    if step.started_at:
        seconds = ((step.finished_at or datetime.now(UTC)) - step.started_at).total_seconds()
        line.append(f"  {words.span(seconds)}", style="dim")
    if step.progress and state == "running":
        percent = f"{step.progress.fraction:.0%} " if step.progress.fraction is not None else ""
        line.append(f"  {percent}{told(step.progress)}".rstrip(), style="blue")
    if step.job_id:
        line.append(f"  {step.job_id}", style="dim")
    return line


def _note(step: StepRecord) -> str:
    if step.reason and step.state.is_final:
        return f"{step.reason.get('code')}: {step.reason.get('message')}"
    if step.waiting_for:
        return f"no worker for the {step.waiting_for.missing} of this step"
    if step.state.value == "waiting" and step.needs:
        return f"needs {', '.join(step.needs)}" + (f"; if {step.condition}" if step.condition else "")
    return ""
