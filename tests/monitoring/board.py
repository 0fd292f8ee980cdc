"""The files of `deploy/monitoring` as data, for tests."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

FOLDER = Path(__file__).parents[2] / "deploy" / "monitoring"
RULES = ("rules.yml", "rules_dcgm.yml")


def dashboard() -> dict[str, Any]:
    """The Grafana dashboard."""
    found: dict[str, Any] = json.loads((FOLDER / "grafana" / "impasto.json").read_text("utf-8"))
    return found


def panels() -> list[dict[str, Any]]:
    """Its panels, without the headings of rows."""
    return [panel for panel in dashboard()["panels"] if panel["type"] != "row"]


def queries() -> Iterator[tuple[str, str]]:
    """Each panel's title and each of its queries."""
    for panel in panels():
        for target in panel["targets"]:
            yield panel["title"], target["expr"]


def rules() -> list[dict[str, Any]]:
    """The alert rules."""
    pages = [yaml.safe_load((FOLDER / name).read_text("utf-8")) for name in RULES]
    return [rule for page in pages for group in page["groups"] for rule in group["rules"]]


def metrics_in(expression: str) -> set[str]:
    """The metrics of ours that a query names."""
    return set(re.findall(r"\bimpasto_[a-z_]+\b(?=[\[{)\s]|$)", expression))
