"""`/v1/queues` and `/v1/workers`: the platform as its operators see it; scope `operate`."""

from __future__ import annotations

from fastapi import APIRouter

from impasto.backends.postgres import figures
from impasto.workers import QueueStatus, WorkerStatus, queue_statuses
from impasto_gateway.parts import OperateTransaction, Page

router = APIRouter(prefix="/v1", tags=["platform"])


@router.get("/queues", summary="Look at the queues", operation_id="list_queues")
async def get_queues(connection: OperateTransaction) -> Page[QueueStatus]:
    """Every queue with an open job or a worker: what waits and runs, of all tenants, and who is there to take it."""
    jobs, workers = await figures.open_jobs(connection), await figures.known_workers(connection)
    return Page(items=queue_statuses(jobs, workers))


@router.get("/workers", summary="Look at the workers", operation_id="list_workers")
async def get_workers(connection: OperateTransaction) -> Page[WorkerStatus]:
    """Every worker that was not told to stop, with what it can run and what it holds."""
    return Page(items=await figures.known_workers(connection))
