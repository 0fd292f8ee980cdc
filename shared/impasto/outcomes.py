"""Outcomes: what an attempt hands to the fenced `finish()`: result, records, lineage, or the reason it failed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from impasto.artifacts import ArtifactRef
from impasto.kinds import Kind, Params, Result
from impasto.lineage import Edge


@dataclass(frozen=True, slots=True)
class DatasetVersionRecord:
    """A dataset version to be made; its number is given by the commit that makes it."""

    id: str
    dataset: str
    manifest_sha256: str
    samples: int
    train: int
    validation: int
    recipe: dict[str, Any]
    summary: dict[str, Any]


@dataclass(frozen=True, slots=True)
class CheckpointRecord:
    """A checkpoint to be made."""

    id: str
    name: str
    family: str
    flavor: str
    weights_sha256: str
    config: dict[str, Any]
    dataset_version_id: str | None


@dataclass(frozen=True, slots=True)
class EvaluationRecord:
    """An evaluation to be made; its checkpoint counts as measured from then on."""

    id: str
    checkpoint_id: str
    dataset_version_id: str | None
    measures: dict[str, Any]


Record = DatasetVersionRecord | CheckpointRecord | EvaluationRecord


@dataclass(frozen=True, slots=True)
class FollowUp:
    """A job that the success itself submits; its id is known beforehand, so that the result can name it."""

    id: str
    kind: Kind[Any, Any]
    params: Params


@dataclass(frozen=True, slots=True)
class Outcome:
    """A success: everything here becomes visible in one commit, or none of it."""

    result: Result
    artifacts: tuple[ArtifactRef, ...] = ()
    records: tuple[Record, ...] = ()
    edges: tuple[Edge, ...] = field(default=())
    follow_ups: tuple[FollowUp, ...] = ()

    @property
    def is_plain(self) -> bool:
        """Whether there is a result and nothing else to become visible."""
        return not (self.artifacts or self.records or self.edges or self.follow_ups)
