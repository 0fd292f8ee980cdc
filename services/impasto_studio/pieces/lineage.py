"""Where a thing came from and what was made of it, as two short lists one can follow."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Final

from impasto.lineage import LineageGraph, LineageNode
from impasto_studio.parts import client
from impasto_studio.pieces.basic import box, icon, words
from impasto_studio.words import say

_MOST: Final = 30
Open = Callable[[str], Any]


async def lineage(identifier: str, open_thing: Open) -> None:
    """Both directions of a thing's lineage; `open_thing` gets the identifier of one that is clicked."""
    up, down = await asyncio.gather(client().lineage(identifier, "up"), client().lineage(identifier, "down"))
    _side(up, "up", open_thing)
    _side(down, "down", open_thing)


def _side(graph: LineageGraph, direction: str, open_thing: Open) -> None:
    nodes = sorted((node for node in graph.nodes if node.id != graph.root), key=lambda node: node.depth)
    with box("lineage-side"):
        with box("lineage-head"):
            icon(direction)
            words(say(f"lineage.{direction}"), "subheading")
        if not nodes:
            words(say(f"lineage.{direction}.none"), "quiet-note", "p")
        for node in nodes[:_MOST]:
            _node(node, open_thing)
        if len(nodes) > _MOST or graph.truncated:
            words(say("lineage.more", count=max(0, len(nodes) - _MOST)), "quiet-note", "p")


def _node(node: LineageNode, open_thing: Open) -> None:
    shown = node.id.startswith(("art_", "sha256:"))
    with box("lineage-node", "button" if shown else "div") as made:
        made.style(f"margin-inline-start: {min(node.depth - 1, 4) * 14}px")
        words(say(f"what.{node.what}", missing=node.what), "lineage-what", "span")
        words(node.label or _short(node.id), "lineage-label", "span")
        if node.licence:
            words(node.licence, "tag", "span")
    if shown:
        made.props('type="button"').on("click", lambda: open_thing(node.id))


def _short(identifier: str) -> str:
    return identifier if len(identifier) <= 24 else f"{identifier[:15]}…{identifier[-4:]}"
