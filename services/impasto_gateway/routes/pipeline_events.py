"""`/v1/pipelines/{id}/events`: its numbered log as server-sent events, with its jobs' progress in between."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager, suppress
from typing import Annotated, Any, Final

from fastapi import APIRouter, Header, Request
from fastapi.responses import StreamingResponse
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from impasto.backends.postgres.pipelines import (
    pipeline_by_id,
    pipeline_events_after,
    progress_of_steps,
    state_of_pipeline,
)
from impasto.backends.postgres.pools import tenant_transaction
from impasto.errors import NotFound, Unavailable
from impasto.identifiers import PipelineId
from impasto.pipelines.records import PipelineEvent, PipelineState, StepProgress
from impasto_gateway.parts import Reader, TheParts
from impasto_gateway.streams import KEEP_ALIVE_S, frame

router = APIRouter(prefix="/v1/pipelines", tags=["pipelines"])
# The news of jobs names the jobs: the pipeline is looked at.
_LOOK_S: Final = 0.5
_SELDOM_S: Final = 2.0


@router.get(
    "/{pipeline_id}/events",
    summary="Follow a pipeline",
    operation_id="follow_pipeline",
    response_class=StreamingResponse,
    responses={200: {"content": {"text/event-stream": {}}, "description": "Server-sent events."}},
)
async def follow_pipeline(
    pipeline_id: PipelineId,
    request: Request,
    caller: Reader,
    the: TheParts,
    last_event_id: Annotated[int, Header(ge=0, le=2**31 - 1, description="Resume after this number.")] = 0,
) -> StreamingResponse:
    """Every event with a larger number, as it happens; ends when the pipeline has. `progress` events have no number."""
    pool = request.app.state.pool
    async with tenant_transaction(pool, caller.tenant_id) as connection:
        if await pipeline_by_id(connection, pipeline_id) is None:
            raise NotFound("pipeline", pipeline_id)
    stream = _follow(pool, caller.tenant_id, pipeline_id, last_event_id, the)
    return StreamingResponse(stream, media_type="text/event-stream", headers={"Cache-Control": "no-store"})


async def _follow(
    pool: AsyncConnectionPool[AsyncConnection[Any]], tenant_id: str, pipeline_id: str, number: int, the: TheParts
) -> AsyncIterator[bytes]:
    news, spoke = the.awakener.watch(pipeline_id), time.monotonic()
    told: dict[str, StepProgress] = {}
    # Where the database does not answer the stream ends: its reader comes back and goes on from there.
    with suppress(Unavailable), _unwatched(the, pipeline_id, news):
        while True:
            # The state before the events: when it is final, its event is among them or was told.
            state, events, progress = await _look(pool, tenant_id, pipeline_id, number)
            for event in events:
                number = event.number
                yield frame(event.type, event.model_dump(mode="json"), number)
            for step in progress:
                if told.get(step.step) != step:
                    told[step.step] = step
                    yield frame("progress", step.model_dump(mode="json"))
                    spoke = time.monotonic()
            if events:
                spoke = time.monotonic()
                continue
            if state.is_final:
                return
            if time.monotonic() - spoke > KEEP_ALIVE_S:
                spoke = time.monotonic()
                yield b": still here\n\n"
            await the.awakener.wait(news, _LOOK_S if state is PipelineState.RUNNING else _SELDOM_S)


@contextmanager
def _unwatched(the: TheParts, pipeline_id: str, news: asyncio.Event) -> Iterator[None]:
    try:
        yield
    finally:
        the.awakener.unwatch(pipeline_id, news)


async def _look(
    pool: AsyncConnectionPool[AsyncConnection[Any]], tenant_id: str, pipeline_id: str, number: int
) -> tuple[PipelineState, list[PipelineEvent], list[StepProgress]]:
    async with tenant_transaction(pool, tenant_id) as connection:
        state = await state_of_pipeline(connection, pipeline_id)
        events = await pipeline_events_after(connection, pipeline_id, number)
        return state, events, await progress_of_steps(connection, pipeline_id)
