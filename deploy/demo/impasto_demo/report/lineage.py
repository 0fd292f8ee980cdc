"""Lineage as trees to be read: every work by name where there are few, counted by licence where there are many."""

from __future__ import annotations

from collections import Counter

from impasto.lineage import LineageGraph, LineageNode
from impasto_demo.report.markup import text

_WORDS = {
    "sampled_into": "sampled from",
    "prepared_by": "prepared with",
    "trained_into": "learnt from",
    "measured_by": "measured on",
    "content_of": "content:",
    "style_of": "style:",
    "used_by": "drawn with",
    "neighbour_of": "beside",
}
_FEW = 6


def upward(graph: LineageGraph, labels: dict[str, str]) -> str:
    """What a thing was made of, as nested lists. `labels`: better names for some identifiers."""
    nodes = {node.id: node for node in graph.nodes}
    below: dict[str, dict[str, str]] = {}
    for edge in graph.edges:
        below.setdefault(edge.target, {})[edge.source] = edge.relation
    return f'<ul class="chain">{_branch(graph.root, "", nodes, below, labels)}</ul>'


def licences(graph: LineageGraph) -> list[tuple[str, int]]:
    """How many works stand under each licence, most first."""
    works = Counter(node.licence or "none stated" for node in graph.nodes if node.what == "artwork")
    return works.most_common()


def _branch(
    name: str,
    relation: str,
    nodes: dict[str, LineageNode],
    below: dict[str, dict[str, str]],
    labels: dict[str, str],
) -> str:
    children = below.get(name, {})
    many: dict[str, list[LineageNode]] = {}
    inside = ""
    for child, how in children.items():
        if len(children) > _FEW and nodes[child].what == "artwork":
            many.setdefault(how, []).append(nodes[child])
        else:
            inside += _branch(child, how, nodes, below, labels)
    for how, works in many.items():
        inside += _counted(how, works)
    nested = f"<ul>{inside}</ul>" if inside else ""
    return f"<li>{_label(nodes[name], relation, labels)}{nested}</li>"


def _label(node: LineageNode, relation: str, labels: dict[str, str]) -> str:
    how = f"<em>{_WORDS.get(relation, text(relation))}</em> " if relation else ""
    name = labels.get(node.id) or node.label
    mark = f' <span class="licence">{text(node.licence)}</span>' if node.licence else ""
    known = "" if node.id.startswith("pretrained:") else f" <code>{text(_short(node.id))}</code>"
    return f"{how}{text(name)} <em>{text(node.what)}</em>{mark}{known}"


def _counted(relation: str, works: list[LineageNode]) -> str:
    groups = Counter(work.licence or "none stated" for work in works).most_common()
    marks = " ".join(f'<span class="licence">{text(licence)} × {count:,}</span>' for licence, count in groups)
    return f"<li><em>{_WORDS.get(relation, text(relation))}</em> {len(works):,} works {marks}</li>"


def _short(identifier: str) -> str:
    return identifier if len(identifier) < 36 else f"{identifier[:19]}…"
