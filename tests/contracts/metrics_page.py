"""docs/metrics.md as data: what it says of each metric."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass

from tests.contracts.kept import ROOT

_KINDS = ("counter", "gauge", "histogram", "summary")
_ROW = re.compile(r"^\| `(impasto_[a-z_]+)` \| ([a-z]+) \| ([^|]+) \|([^|]*)\| (.+) \|$", re.MULTILINE)


@dataclass(frozen=True)
class Described:
    """A row of the page."""

    kind: str
    unit: str
    labels: tuple[str, ...]
    meaning: str


def described() -> dict[str, Described]:
    """Every metric of the page by its name, without what a scrape adds to it."""
    page = (ROOT / "docs" / "metrics.md").read_text("utf-8")
    return {
        name: Described(kind, unit.strip(), tuple(re.findall(r"`([a-z_]+)`", labels)), meaning)
        for name, kind, unit, labels, meaning in _ROW.findall(page)
    }


def exposed_as(name: str, kind: str) -> set[str]:
    """The names that a scrape shows of it."""
    endings = {"counter": ["_total", "_created"], "histogram": ["_bucket", "_sum", "_count", "_created"]}
    return {name + ending for ending in endings.get(kind, [""])}


def metrics_of(source: str) -> dict[str, tuple[str, tuple[str, ...]]]:
    """The metrics that a module makes: type and labels by name."""
    tree = ast.parse(source)
    lists = {
        target.id: node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None
        for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
        if isinstance(target, ast.Name)
    }
    found = {}
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or not node.args or not isinstance(node.args[0], ast.Constant):
            continue
        made = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        kind, name = made.removesuffix("MetricFamily").lower(), node.args[0].value
        if kind in _KINDS and str(name).startswith("impasto_"):
            named = [keyword.value for keyword in node.keywords if keyword.arg in ("labels", "labelnames")]
            labels = (*node.args[2:3], *named, ast.List([]))[0]
            labels = lists[labels.id] if isinstance(labels, ast.Name) else labels
            found[name] = kind, tuple(ast.literal_eval(labels))
    return found
