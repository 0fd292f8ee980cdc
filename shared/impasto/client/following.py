"""Following a tenant: the events of all its jobs, listed or as they happen, taken up where a stream broke."""

from __future__ import annotations

import time
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Final

from pydantic import BaseModel

from impasto.client.answers import checked, send, unreachable
from impasto.client.event_stream import EventStream
from impasto.client.flow import Answer, Broken, Emit, Flow, NextChunk, Open, Request, Sleep
from impasto.client.resources import place
from impasto.client.retrying import Retries, retry_after
from impasto.client.watching import PATIENCE_S, SILENCE_S
from impasto.events import TenantEvent

_PAGE: Final = 200
_BREAKS: Final = Retries(longest_s=4.0)


class _Page(BaseModel):
    items: list[TenantEvent]
    position: str
    more: bool


@dataclass(slots=True)
class _Place:
    position: str
    heard_at: float
    breaks: int = 0

    def heard(self) -> None:
        self.heard_at, self.breaks = time.monotonic(), 0


def listing(after: str, kinds: Collection[str], types: Collection[str]) -> Flow[None]:
    """Emits the events after a position that have happened, oldest first."""
    more = True
    while more:
        answer = yield from send(
            Request("GET", place("events"), _query(kinds, types) | {"after": after, "limit": _PAGE})
        )
        page = _Page.model_validate_json(answer.content)
        for event in page.items:
            yield Emit(event)
        after, more = page.position, page.more


def following(after: str, kinds: Collection[str], types: Collection[str]) -> Flow[None]:
    """Emits the events after a position as they happen, without an end; a broken stream is taken up again.

    Raises:
        InvalidInput: that is no position.
        Unavailable: the platform was gone for three minutes.
    """
    reader = _Place(after, time.monotonic())
    while True:
        broken = yield from _listen(reader, _query(kinds, types))
        if time.monotonic() - reader.heard_at > PATIENCE_S:
            raise unreachable(broken if isinstance(broken, Broken) else Broken("no stream", place("events")))
        silent = isinstance(broken, Broken) and broken.silent
        pause = 0.0 if silent else max(_BREAKS.pause(reader.breaks), retry_after(broken) if broken else 0.0)
        reader.breaks += 1
        if pause:
            yield Sleep(pause)


def _query(kinds: Collection[str], types: Collection[str]) -> dict[str, Any]:
    named = {"kind": list(kinds), "type": list(types)}
    return {name: values for name, values in named.items() if values}


def _listen(reader: _Place, query: dict[str, Any]) -> Flow[Answer | Broken | None]:
    headers = {"Accept": "text/event-stream", "Last-Event-ID": reader.position}
    opened: Answer | Broken = yield Open(Request("GET", place("events"), query, headers=headers, read_s=SILENCE_S))
    if isinstance(opened, Broken) or opened.status in {429, 502, 503, 504}:
        return opened
    checked(opened)
    stream = EventStream()
    while True:
        chunk: bytes | Broken = yield NextChunk()
        if isinstance(chunk, Broken):
            return chunk
        if not chunk:
            return None
        reader.heard()
        for message in stream.feed(chunk):
            # Before it is handed on: whoever stops in the middle has had it.
            reader.position = message.id or reader.position
            yield Emit(TenantEvent.model_validate_json(message.data))
        # Also of what was passed over by the filters.
        reader.position = stream.last_id or reader.position
