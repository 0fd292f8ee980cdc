"""Checkpoints and the evaluations that measured them."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final, Literal

from pydantic import BaseModel

from impasto.identifiers import CheckpointId

# The checkpoint that comes with Impasto and belongs to everybody.
STARTER: Final = "starter"
AnyCheckpoint = Literal["starter"] | CheckpointId


def checkpoint_of(key: str) -> str:
    """The checkpoint that an engine holds under this key: the starter's names its weights as well."""
    return STARTER if key.startswith(f"{STARTER}-") else key


class Measure(BaseModel):
    """A measured figure with its bootstrap interval (95 %) and the number of samples behind it."""

    value: float
    low: float
    high: float
    count: int


class Evaluation(BaseModel):
    """What a finished `evaluate.checkpoint` found."""

    id: str
    checkpoint_id: str
    dataset_version_id: str | None
    measures: dict[str, Any]
    job_id: str | None
    created_at: datetime


class Checkpoint(BaseModel):
    """Weights, their config and where they came from."""

    id: str
    name: str
    family: str
    flavor: str
    weights_sha256: str
    config: dict[str, Any]
    dataset_version_id: str | None
    job_id: str | None
    measured: bool
    created_at: datetime
    evaluations: list[Evaluation] = []
