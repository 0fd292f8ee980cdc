"""What a job leaves while it runs: points of its series, sheets of samples, the state that another goes on from."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel


class SeriesPoint(BaseModel):
    """Values of named series at one step."""

    step: int
    points: dict[str, float]


class Sample(BaseModel):
    """A picture drawn on the way: the artifact `sha256`."""

    step: int
    sha256: str
    created_at: datetime


class TrainingState(BaseModel):
    """Where a training can go on: an object in the store, verified by its digest."""

    step: int
    key: str
    sha256: str
    size_bytes: int
