"""The end of the page: the jobs, where everything came from, how to look further, and whose works these are."""

from __future__ import annotations

from impasto_demo.outcome import Outcome
from impasto_demo.report.lineage import licences, upward
from impasto_demo.report.markup import section, text
from impasto_demo.report.timeline import gantt


def jobs(outcome: Outcome, number: int) -> str:
    """All jobs on one clock."""
    retried = sum(job.attempts - 1 for job in outcome.timelines)
    again = f"{retried} attempts were lost and made again." if retried else "Each was done at the first attempt."
    about = (
        f"{len(outcome.timelines)} jobs, by the platform's own clock. What does not depend on each other was submitted "
        f"together. {again}"
    )
    return section(number, "The jobs", about, gantt(outcome.timelines))


def origins(outcome: Outcome, number: int) -> str:
    """Up from a picture and from the checkpoint, down from a work."""
    last = outcome.stylised[-1]
    titled = f"{outcome.photographs[last.photograph].title}, redrawn"
    traces = outcome.traces
    total = sum(count for _, count in licences(traces.checkpoint))
    under = ", ".join(f"{count:,} under {text(licence)}" for licence, count in licences(traces.checkpoint))
    came = len({edge.target for edge in traces.work.edges})
    work = next((node.label for node in traces.work.nodes if node.id == traces.work.root), "a work")
    more = " The platform told only a part: there are more." if traces.checkpoint.truncated else ""
    body = (
        f"<h3>A redrawn photograph</h3>{upward(traces.picture, {traces.picture.root: titled})}"
        f"<h3>The checkpoint</h3>{upward(traces.checkpoint, {})}"
        f'<p class="small">The dataset version behind it holds {total:,} works: {under}. Training read '
        f"{outcome.training.train_samples:,} of them: not those held out, not those of the left-out hand.{more}</p>"
        f"<h3>And forward</h3><p>From {text(work)} came {came} pictures so far.</p>"
    )
    about = "Each step was written when the job that made it ended, in the same transaction. Works keep their licence."
    return section(number, "Where it came from", about, body)


def further(outcome: Outcome, number: int) -> str:
    """Commands to go on with."""
    artifact = outcome.stylised[-1].result.artifact.sha256
    lines = [
        ("every job of this run", f"impasto jobs list --limit {len(outcome.timelines)}"),
        ("what was measured", f"impasto checkpoints show {outcome.training.checkpoint}"),
        *_drawing(outcome),
        ("the works behind a picture", f"impasto lineage sha256:{artifact[:12]}…"),
        ("what came of a work", f"impasto lineage {next(iter(outcome.photographs.values())).artwork_id} --down"),
        ("your own picture", "impasto stylise photo.jpg --style blue-woodblock --out print.png"),
        ("all figures of this page", "report.json, beside this file"),
    ]
    inside = "\n".join(f"<i># {text(note)}</i>\n{text(command)}" for note, command in lines)
    return section(number, "Look further", "In the folder where the platform was started.", f"<pre>{inside}</pre>")


def _drawing(outcome: Outcome) -> list[tuple[str, str]]:
    if outcome.from_words is None:
        return []
    checkpoint, style = outcome.from_words.training.checkpoint, outcome.from_words.after.styles[0]
    return [
        (
            "a picture in a hand that was learnt",
            f'impasto generate "a red heart" --checkpoint {checkpoint} --style "{style}"',
        )
    ]


def credits(outcome: Outcome) -> str:
    """Whose works were shown, and under which terms."""
    hands = "; ".join(
        f'<a href="{text(hand.url)}">{text(hand.name)}</a> by {text(hand.author)} ({text(hand.licence)})'
        for hand in outcome.hands
    )
    works = [*outcome.photographs.values(), *outcome.paintings.values()]
    others = "; ".join(f"“{text(work.title)}” by {text(work.artist)} ({text(work.licence)})" for work in works)
    return (
        f"<footer><p>Drawings: {hands}; rendered, otherwise unchanged.</p>"
        f"<p>Photographs come with scikit-image, paintings with the demonstration: {others}. "
        f"Redrawn and enlarged pictures are changed works of these.{_learnt(outcome)}</p></footer>"
    )


def _learnt(outcome: Outcome) -> str:
    if outcome.from_words is None:
        return ""
    return " Pictures drawn from words were drawn by a network that learnt from the drawings."
