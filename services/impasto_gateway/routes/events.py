"""`/v1/jobs/{id}/events`: the job's numbered log as server-sent events, with its progress in between."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from typing import Annotated, Any, Final

from fastapi import APIRouter, Header, Request
from fastapi.responses import StreamingResponse
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from impasto.backends.postgres.jobs import events_after, job_by_id
from impasto.backends.postgres.pools import tenant_transaction
from impasto.errors import NotFound
from impasto.identifiers import JobId
from impasto.jobs import JobEvent, JobRecord, Progress
from impasto_gateway.parts import Reader, TheParts
from impasto_gateway.streams import KEEP_ALIVE_S, frame

router = APIRouter(prefix="/v1/jobs", tags=["jobs"])
_PROGRESS_POLL_S: Final = 0.5


@router.get(
    "/{job_id}/events",
    summary="Follow a job",
    operation_id="follow_job",
    response_class=StreamingResponse,
    responses={200: {"content": {"text/event-stream": {}}, "description": "Server-sent events."}},
)
async def follow_job(
    job_id: JobId,
    request: Request,
    caller: Reader,
    the: TheParts,
    last_event_id: Annotated[int, Header(ge=0, le=2**31 - 1, description="Resume after this number.")] = 0,
) -> StreamingResponse:
    """Every event with a larger number, as it happens; ends after the job's last. `progress` events have no number."""
    pool = request.app.state.pool
    async with tenant_transaction(pool, caller.tenant_id) as connection:
        if await job_by_id(connection, job_id) is None:
            raise NotFound("job", job_id)
    stream = _follow(pool, caller.tenant_id, job_id, last_event_id, the)
    return StreamingResponse(stream, media_type="text/event-stream", headers={"Cache-Control": "no-store"})


async def _follow(
    pool: AsyncConnectionPool[AsyncConnection[Any]], tenant_id: str, job_id: str, number: int, the: TheParts
) -> AsyncIterator[bytes]:
    news, told, spoke = the.awakener.watch(job_id), Progress(), time.monotonic()
    try:
        while True:
            job, events = await _look(pool, tenant_id, job_id, number)
            for event in events:
                number = event.number
                yield frame(event.type, event.model_dump(mode="json"), number)
            if job.state.is_final and not await _more(pool, tenant_id, job_id, number):
                return
            if job.progress and job.progress != told:
                told = job.progress
                yield frame("progress", told.model_dump(mode="json"))
                spoke = time.monotonic()
            if time.monotonic() - spoke > KEEP_ALIVE_S:
                spoke = time.monotonic()
                yield b": still here\n\n"
            # Progress is state and rings no bell: a running job is looked at more often than one that waits.
            await the.awakener.wait(news, _PROGRESS_POLL_S if job.state == "running" else 2.0)
    finally:
        the.awakener.unwatch(job_id, news)


async def _look(
    pool: AsyncConnectionPool[AsyncConnection[Any]], tenant_id: str, job_id: str, number: int
) -> tuple[JobRecord, list[JobEvent]]:
    async with tenant_transaction(pool, tenant_id) as connection:
        job = await job_by_id(connection, job_id)
        if job is None:
            raise NotFound("job", job_id)
        return job, await events_after(connection, job_id, number)


async def _more(pool: AsyncConnectionPool[AsyncConnection[Any]], tenant_id: str, job_id: str, number: int) -> bool:
    async with tenant_transaction(pool, tenant_id) as connection:
        return bool(await events_after(connection, job_id, number, 1))
