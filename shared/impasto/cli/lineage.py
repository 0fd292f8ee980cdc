"""`impasto lineage`: the graph as a tree."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import click

from impasto.cli import words
from impasto.cli.session import Session, command

if TYPE_CHECKING:
    from rich.text import Text
    from rich.tree import Tree

    from impasto.lineage import LineageGraph, LineageNode

_MOST_CHILDREN = 12
# relation: (read upwards from what was made, read downwards from what was used)
_RELATIONS = {
    "sampled_into": ("sampled from", "sampled into"),
    "prepared_by": ("prepared by", "prepared"),
    "trained_into": ("trained on", "trained into"),
    "measured_by": ("a measure of", "measured by"),
    "content_of": ("made from", "became"),
    "style_of": ("in the style of", "gave its style to"),
    "used_by": ("made with", "used for"),
    "neighbour_of": ("shown beside", "shown beside in"),
}


@click.command(short_help="Trace a thing to the works behind it, or on to what came of it.")
@click.argument("identifier", metavar="ID")
@click.option("--up", "direction", flag_value="up", default="up", help="To the works behind it (the default).")
@click.option("--down", "direction", flag_value="down", help="On to everything that was made of it.")
@click.option("--all", "every", is_flag=True, help="Every branch, however many.")
@command
def lineage(session: Session, identifier: str, direction: Literal["up", "down"], every: bool) -> None:
    """Trace ID (an artwork, dataset version, checkpoint, evaluation, or sha256:<digest> of an artifact).

    \b
    impasto lineage sha256:… --up
    impasto lineage art_… --down
    """
    graph = session.client.lineage(identifier, direction)
    if session.as_json:
        session.json(graph)
        return
    session.print(_tree(graph, None if every else _MOST_CHILDREN))
    works = [node for node in graph.nodes if node.what == "artwork" and node.depth > 0]
    licences = sorted({node.licence for node in works if node.licence})
    if direction == "up" and works:
        session.note(f"{words.count(len(works), 'work')} behind it; licences: {', '.join(licences) or 'none stated'}")
    if graph.truncated:
        session.note("there is more than the platform tells at once")


def _tree(graph: LineageGraph, most: int | None) -> Tree:
    from rich.tree import Tree

    nodes = {node.id: node for node in graph.nodes}
    below: dict[str, list[tuple[str, str]]] = {}
    for edge in graph.edges:
        near, far = (edge.target, edge.source) if graph.direction == "up" else (edge.source, edge.target)
        below.setdefault(near, []).append((far, edge.relation))
    tree = Tree(_label(nodes[graph.root], "") if graph.root in nodes else graph.root, guide_style="dim")
    # Not recursion: a chain of a thousand pictures made of pictures is deeper than Python's stack.
    waiting, seen = [(tree, graph.root)], {graph.root}
    while waiting:
        branch, name = waiting.pop(0)
        children = below.get(name, [])
        for child, relation in children[:most]:
            again = child in seen and child in below
            said = _RELATIONS.get(relation, (relation, relation))[graph.direction == "down"]
            twig = branch.add(_label(nodes[child], said, again))
            if child not in seen:
                seen.add(child)
                waiting.append((twig, child))
        if most is not None and len(children) > most:
            branch.add(f"… and {len(children) - most:,} more (--all)", style="dim")
    return tree


def _label(node: LineageNode, relation: str, again: bool = False) -> Text:
    from rich.text import Text

    text = Text(f"{relation} " if relation else "", style="dim")
    text.append(f"{node.what} ", style="bold")
    text.append(words.short(node.label, 60), style="default")
    text.append(f"  {node.id if len(node.id) < 40 else node.id[:19] + '…'}", style="cyan")
    if node.licence:
        text.append(f"  {node.licence}", style="green")
    if again:
        text.append("  (shown above)", style="dim")
    return text
