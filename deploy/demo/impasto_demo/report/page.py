"""Writes `report.json` and `report.html`: one file that asks nothing of the network."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

from impasto_demo.outcome import Outcome
from impasto_demo.report import closing, made, taught, words
from impasto_demo.report.opening import opening


def write_report(outcome: Outcome, folder: Path) -> Path:
    """Writes both files into `folder`, where the outcome's pictures lie; gives the page's path."""
    (folder / "report.json").write_text(outcome.model_dump_json(indent=2), "utf-8")
    page = folder / "report.html"
    page.write_text(render(outcome, folder), "utf-8")
    return page


def render(outcome: Outcome, folder: Path) -> str:
    """The whole page."""
    style = resources.files("impasto_demo.report").joinpath("style.css").read_text("utf-8")
    sections = [
        made.redrawn(outcome, folder, 1),
        made.enlarged(outcome, folder, 2),
        taught.works(outcome, folder, 3),
        taught.dataset(outcome, 4),
        taught.training(outcome, 5),
        taught.measure(outcome, 6),
        words.drawn(outcome, folder, 7),
        made.analysed(outcome, folder, 8),
        closing.jobs(outcome, 9),
        closing.origins(outcome, 10),
        closing.further(outcome, 11),
    ]
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>Impasto: what the demonstration found</title><style>{style}</style></head>"
        f"<body><main>{opening(outcome, folder)}{''.join(sections)}{closing.credits(outcome)}</main></body></html>"
    )
