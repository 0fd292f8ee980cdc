"""Writes `report.json` and `report.html`."""

from __future__ import annotations

from pathlib import Path

from impasto_demo.outcome import Outcome


def write_report(outcome: Outcome, folder: Path) -> Path:
    """Writes both files into `folder`; gives the page's path."""
    (folder / "report.json").write_text(outcome.model_dump_json(indent=2), "utf-8")
    return folder / "report.html"
