"""Events as they happen: of one job under `/v1/jobs/{id}/events`, of all jobs of a tenant under `/v1/events`."""

from __future__ import annotations

import functools
import operator
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, suppress
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

from fastapi import APIRouter, Header, Query, Request, Response
from fastapi.responses import StreamingResponse
from psycopg import AsyncConnection
from pydantic import BaseModel, Field

from impasto.backends.postgres.events import MOST_EVENTS, now_position, settled_position, tenant_events_after
from impasto.backends.postgres.jobs import job_by_id
from impasto.backends.postgres.pools import tenant_transaction
from impasto.errors import NotFound, Unavailable
from impasto.events import BEGINNING, TYPED_EVENTS, EventPosition, PositionText, TenantEvent, read_position, wants
from impasto.identifiers import JobId
from impasto.jobs import EVENT_TYPES
from impasto_gateway.parts import Limit, Reader, TheParts

router = APIRouter(prefix="/v1", tags=["jobs"])
_STREAM: Final = "text/event-stream"
# Of a list with filters, how many events are looked through at most.
_MOST_LOOKED_THROUGH: Final = 10 * MOST_EVENTS

if TYPE_CHECKING:
    AnyEvent = TenantEvent
    EventType = str
else:
    AnyEvent = Annotated[functools.reduce(operator.or_, TYPED_EVENTS), Field(discriminator="type")]
    EventType = Literal[tuple(EVENT_TYPES)]

_Kinds = Annotated[
    list[Annotated[str, Field(max_length=100, pattern="^[a-z0-9._-]+$")]],
    Query(alias="kind", max_length=50, description="Only of jobs of these kinds."),
]
_Types = Annotated[list[EventType], Query(alias="type", max_length=20, description="Only events of these types.")]
_After = Annotated[
    PositionText | None,
    Query(description="Only events after this position: `0` for the oldest, `now` for those to come."),
]
_LastEventId = Annotated[
    PositionText | None, Header(description="A stream's position to resume after; before `after`.")
]


@router.get(
    "/jobs/{job_id}/events",
    summary="Follow a job",
    operation_id="follow_job",
    response_class=StreamingResponse,
    responses={200: {"content": {_STREAM: {}}, "description": "Server-sent events."}},
)
async def follow_job(
    job_id: JobId,
    request: Request,
    caller: Reader,
    the: TheParts,
    last_event_id: Annotated[int, Header(ge=0, le=2**31 - 1, description="Resume after this number.")] = 0,
) -> StreamingResponse:
    """Every event with a larger number, as it happens; ends after the job's last. `progress` events have no number."""
    async with tenant_transaction(request.app.state.pool, caller.tenant_id) as connection:
        if await job_by_id(connection, job_id) is None:
            raise NotFound("job", job_id)
    return _streamed(the.job_feeds.follow(caller.tenant_id, job_id, last_event_id))


class EventList(BaseModel):
    """Events in their order. Ask again with `after` set to `position` for the next; `more`: there are some already."""

    items: list[AnyEvent]
    position: str
    more: bool


@router.get(
    "/events",
    summary="Follow all jobs, or list their events",
    operation_id="list_events",
    response_model=EventList,
    # As the stream says it: only what an event holds.
    response_model_exclude_unset=True,
    responses={
        200: {"content": {_STREAM: {}}, "description": "A list; server-sent events with `Accept: text/event-stream`."}
    },
)
async def list_events(
    request: Request,
    caller: Reader,
    the: TheParts,
    kind: _Kinds = [],  # noqa: B006  FastAPI copies it
    type_: _Types = [],  # noqa: B006
    after: _After = None,
    limit: Limit = 100,
    last_event_id: _LastEventId = None,
) -> Response | EventList:
    """Every event of every job of the tenant, in one order in which nothing is skipped, however late it is committed.

    As a list from the oldest on, or `after` a position. As a stream from now on, or after a position, without an end.
    """
    kinds, types = frozenset(kind), frozenset(type_)
    if _STREAM in request.headers.get("accept", ""):
        start = read_position(last_event_id or after or "now")
        return _streamed(the.tenant_feeds.follow(caller.tenant_id, start, kinds, types))
    return await _list(request, caller.tenant_id, after, limit, kinds, types)


async def _list(
    request: Request, tenant_id: str, after: str | None, limit: int, kinds: frozenset[str], types: frozenset[str]
) -> EventList:
    found: list[TenantEvent] = []
    async with tenant_transaction(request.app.state.pool, tenant_id) as connection:
        position, more, looked = await _start(connection, after), True, 0
        while more and len(found) < limit and looked < _MOST_LOOKED_THROUGH:
            most = MOST_EVENTS if kinds or types else limit - len(found)
            page = await tenant_events_after(connection, position, most)
            looked, position, more = looked + len(page.events), page.position, page.more
            for event in page.events:
                if wants(event, kinds, types):
                    found.append(event)
                    if len(found) == limit:
                        position, more = _place(event), more or event is not page.events[-1]
                        break
    return EventList(items=[event.model_dump() for event in found], position=str(position), more=more)


async def _start(connection: AsyncConnection[Any], after: str | None) -> EventPosition:
    if after is None:
        return BEGINNING
    position = read_position(after)
    return await now_position(connection) if position is None else await settled_position(connection, position)


def _place(event: TenantEvent) -> EventPosition:
    place = read_position(event.position)
    assert place is not None
    return place


def _streamed(frames: AsyncGenerator[bytes, None]) -> StreamingResponse:
    return StreamingResponse(_whole(frames), media_type=_STREAM, headers={"Cache-Control": "no-store"})


async def _whole(frames: AsyncGenerator[bytes, None]) -> AsyncIterator[bytes]:
    """Ends the stream where the database does not answer: its reader comes back and goes on from there."""
    with suppress(Unavailable):
        async with aclosing(frames):
            async for each in frames:
                yield each
