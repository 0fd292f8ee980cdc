"""Walking lineage: up to the works behind a thing, or down to all that was made of it."""

from __future__ import annotations

from typing import Any, Final, Literal

from psycopg import AsyncConnection

from impasto.identifiers import PREFIXES
from impasto.lineage import LineageEdge, LineageGraph, LineageNode

_MOST: Final = 5000
_DEPTH: Final = 20

_WALK: Final = """
WITH RECURSIVE walk (node, depth) AS (
    SELECT %(root)s::text, 0
    UNION
    SELECT e.{there}, walk.depth + 1 FROM walk JOIN lineage_edges e ON e.{here} = walk.node
    WHERE walk.depth < %(depth)s AND e.tenant_id = current_setting('app.tenant_id')
), nodes AS (
    SELECT node, min(depth) AS depth FROM walk GROUP BY node ORDER BY 2, 1 LIMIT %(most)s
)
SELECT n.node, n.depth,
    coalesce(a.caption, dv.name || ' v' || dv.number, c.name, j.kind, ''), coalesce(a.licence, ''), ar.media_type
FROM nodes n
LEFT JOIN (SELECT id, coalesce(nullif(title, ''), nullif(caption, ''), file_name) AS caption, licence FROM artworks) a
    ON a.id = n.node
LEFT JOIN (SELECT v.id, d.name, v.number FROM dataset_versions v JOIN datasets d ON d.id = v.dataset_id) dv
    ON dv.id = n.node
LEFT JOIN checkpoints c ON c.id = n.node
LEFT JOIN jobs j ON j.id = n.node
LEFT JOIN artifacts ar ON 'sha256:' || ar.sha256 = n.node
ORDER BY n.depth, n.node
"""


async def walk(connection: AsyncConnection[Any], root: str, direction: Literal["up", "down"]) -> LineageGraph:
    """The graph reachable from `root`, at most 5,000 nodes and 20 steps far; `truncated` says if more was left off."""
    here, there = ("target", "source") if direction == "up" else ("source", "target")
    query = _WALK.format(here=here, there=there)
    cursor = await connection.execute(query, {"root": root, "depth": _DEPTH, "most": _MOST + 1})
    rows = await cursor.fetchall()
    nodes = [_node(row) for row in rows[:_MOST]]
    edges = await _edges(connection, [node.id for node in nodes])
    return LineageGraph(root=root, direction=direction, nodes=nodes, edges=edges, truncated=len(rows) > _MOST)


def _node(row: tuple[Any, ...]) -> LineageNode:
    identifier, depth, label, licence, media_type = row
    return LineageNode(
        id=identifier, what=_what(identifier), label=label or media_type or identifier.partition(":")[2],
        licence=licence or None, depth=depth,
    )  # fmt: skip


def _what(identifier: str) -> str:
    if identifier.startswith("sha256:"):
        return "artifact"
    if identifier.startswith("pretrained:"):
        return "pretrained weights"
    return PREFIXES.get(identifier[:3], "thing")


async def _edges(connection: AsyncConnection[Any], nodes: list[str]) -> list[LineageEdge]:
    cursor = await connection.execute(
        """SELECT source, target, relation, job_id FROM lineage_edges
           WHERE tenant_id = current_setting('app.tenant_id') AND source = ANY(%(n)s) AND target = ANY(%(n)s)
           ORDER BY target, source, relation, job_id""",
        {"n": nodes},
    )
    fields = ("source", "target", "relation", "job_id")
    return [LineageEdge(**dict(zip(fields, row, strict=True))) for row in await cursor.fetchall()]
