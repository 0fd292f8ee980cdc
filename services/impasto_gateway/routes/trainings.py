"""`/v1/jobs/{id}/series` and `/samples`: how a training goes, while it runs and afterwards."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from impasto.backends.postgres.jobs import job_by_id
from impasto.backends.postgres.trainings import samples_of, series_of
from impasto.errors import NotFound
from impasto.identifiers import JobId
from impasto.trainings import Sample, SeriesPoint
from impasto_gateway.parts import Page, ReadTransaction

router = APIRouter(prefix="/v1/jobs", tags=["jobs"])
AfterStep = Annotated[int, Query(ge=0, lt=2**31, description="Only what came after this step.")]
Most = Annotated[int, Query(ge=1, le=5000)]


@router.get("/{job_id}/series", summary="Points of a job's series", operation_id="get_job_series")
async def get_series(
    job_id: JobId,
    connection: ReadTransaction,
    after: AfterStep = 0,
    every: Annotated[int, Query(ge=1, le=1_000_000, description="Only steps that this divides.")] = 1,
    limit: Most = 1000,
) -> Page[SeriesPoint]:
    """Named values by step, such as the loss. Ask again with `after` set to the last step to get what is new."""
    await _require(connection, job_id)
    return Page(items=await series_of(connection, job_id, after, every, limit))


@router.get("/{job_id}/samples", summary="Pictures drawn on the way", operation_id="get_job_samples")
async def get_samples(
    job_id: JobId, connection: ReadTransaction, after: AfterStep = 0, limit: Most = 1000
) -> Page[Sample]:
    """Sheets of samples by step; each is the artifact `sha256`, visible while the job still runs."""
    await _require(connection, job_id)
    return Page(items=await samples_of(connection, job_id, after, limit))


async def _require(connection: ReadTransaction, job_id: str) -> None:
    if await job_by_id(connection, job_id) is None:
        raise NotFound("job", job_id)
