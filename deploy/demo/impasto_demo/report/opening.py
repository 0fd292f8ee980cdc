"""The top of the page: what was done, and the figures that matter."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from impasto.checkpoints import Measure
from impasto_demo.outcome import Outcome
from impasto_demo.report.markup import duration, figure, interval, percent, text
from impasto_demo.report.pictures import embedded

_HERO_PX: Final = 900
_NUMBERS: Final = ("No", "One", "Two", "Three", "Four", "Five", "Six", "Seven", "Eight")


def opening(outcome: Outcome, folder: Path) -> str:
    """Title, a picture, a few sentences, five figures."""
    known = [hand for hand in outcome.hands if hand.trained]
    number = _NUMBERS[len(known)] if len(known) < len(_NUMBERS) else str(len(known))
    pictures = sum(hand.pictures for hand in outcome.hands)
    photographs = len({picture.photograph for picture in outcome.stylised})
    date = f"{outcome.started_at:%d %B %Y}".lstrip("0")
    times = _NUMBERS[len(outcome.stylised) // photographs].lower()
    kicker = f"Impasto {text(outcome.version)} · demonstration ({text(outcome.mode)}) · {date}"
    return (
        f'<header><div><p class="kicker">{kicker}</p>'
        f"<h1>{number} hands, and what a machine can tell of them</h1>"
        f'<p class="lead">{pictures:,} drawings by these hands, and by one more that training never saw, went through '
        f"the platform: uploaded with their licences, prepared, learnt from, measured. Beside that it redrew "
        f"{_NUMBERS[photographs].lower()} photographs, {times} times each. "
        f"Every figure on this page was measured in this run.</p></div>{_hero(outcome, folder)}</header>"
        f"{_figures(outcome)}"
    )


def _words(outcome: Outcome) -> str:
    return "Then it learnt to draw like them, from words. " if outcome.from_words else ""


def _hero(outcome: Outcome, folder: Path) -> str:
    shown = outcome.stylised[0]
    work = outcome.photographs[shown.photograph]
    manner = " + ".join(name for name, _, _ in shown.styles)
    caption = f"{text(work.title)}, a photograph by {text(work.artist)}, redrawn as {text(manner)}"
    return figure(embedded(folder / shown.path, _HERO_PX), f"{work.title}, redrawn", caption)


def _figures(outcome: Outcome) -> str:
    measured = outcome.evaluation
    count = measured.accuracy.count
    rows = [
        (
            "Right hand named",
            percent(measured.accuracy.value),
            f"95 %: {interval(measured.accuracy)}<br>{count:,} held-out pictures",
        ),
        (
            "The same, from colour alone",
            percent(measured.colour_baseline.value),
            f"95 %: {interval(measured.colour_baseline)}<br>always the commonest hand: "
            f"{percent(measured.majority_baseline.value)}",
        ),
        ("Calibration error", f"{measured.ece.value:.3f}", f"ECE, 95 %: {_bounds(measured.ece)}<br>0 is perfect"),
        ("Stranger told from known", *_unknown(measured.unknown_auroc)),
        (
            "From the first line to the last job",
            duration(outcome.seconds),
            f"{len(outcome.timelines)} jobs,<br>uploads and drawing included",
        ),
    ]
    inside = "".join(
        f'<div><dt>{text(name)}</dt><dd><span class="value">{value}</span></dd><dd class="small">{note}</dd></div>'
        for name, value, note in rows
    )
    return f'<dl class="figures">{inside}</dl>'


def _unknown(measure: Measure | None) -> tuple[str, str]:
    if measure is None:
        return "–", "no hand was left out"
    return f"{measure.value:.2f}", f"AUROC, 95 %: {_bounds(measure, 2)}<br>0.5 is chance, {measure.count:,} pictures"


def _bounds(measure: Measure, digits: int = 3) -> str:
    return f"{measure.low:.{digits}f} to {measure.high:.{digits}f}"
