"""Lineage: directed edges from what was used to what was made of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel

Relation = Literal[
    "sampled_into",  # artwork -> dataset version
    "prepared_by",  # pretrained weights -> dataset version
    "trained_into",  # dataset version, pretrained weights or an adapter's base -> checkpoint
    "measured_by",  # checkpoint or dataset version -> evaluation
    "content_of",  # artwork or artifact -> artifact
    "style_of",  # artwork or style -> artifact
    "used_by",  # pretrained weights or checkpoint -> artifact
    "neighbour_of",  # artwork -> artifact (an analysis that shows it)
]


@dataclass(frozen=True, slots=True)
class Edge:
    """One step of lineage. Ends are identifiers, `sha256:<digest>` or `pretrained:<name>@<version>`."""

    source: str
    target: str
    relation: Relation


class LineageNode(BaseModel):
    """A thing in a lineage graph, with what one wants to read beside it."""

    id: str
    what: str
    label: str = ""
    licence: str | None = None
    depth: int


class LineageEdge(BaseModel):
    """An edge of the API's lineage graph; `job_id` is the job that made it."""

    source: str
    target: str
    relation: str
    job_id: str


class LineageGraph(BaseModel):
    """Everything reachable from one thing, up to the works behind it or down to what was made of it."""

    root: str
    direction: Literal["up", "down"]
    nodes: list[LineageNode]
    edges: list[LineageEdge]
    truncated: bool
