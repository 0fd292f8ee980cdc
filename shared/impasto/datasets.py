"""Datasets: a named collection and its immutable, content-addressed versions."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, StringConstraints

Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9._-]{0,62}$")]


class Dataset(BaseModel):
    """A named collection; its versions hold the samples."""

    id: str
    name: str
    created_at: datetime
    versions: int
    latest_version: str | None = None


class DatasetVersion(BaseModel):
    """An immutable snapshot: the manifest's digest names the recipe, the split and every shard."""

    id: str
    dataset_id: str
    dataset: str
    number: int
    manifest_sha256: str
    samples: int
    train: int
    validation: int
    recipe: dict[str, Any]
    summary: dict[str, Any]
    job_id: str
    created_at: datetime
