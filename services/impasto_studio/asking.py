"""What the studio asks of the API beyond the SDK's own calls: flows, which the SDK's client performs."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar

from pydantic import BaseModel

from impasto.client.answers import checked, send, unreachable
from impasto.client.flow import Answer, Broken, Emit, Flow, NextChunk, Open, Request
from impasto.client.resources import place
from impasto.errors import Unavailable
from impasto.jobs import JobRecord

T = TypeVar("T")
M = TypeVar("M", bound=BaseModel)
MOST: Final = 200


@dataclass(frozen=True, slots=True)
class Leaf(Generic[T]):
    """A page of a list, and what leads to the next one; None after the last."""

    items: list[T]
    next_cursor: str | None


def submitting(kind: str, params: Mapping[str, Any]) -> Flow[JobRecord]:
    """Submits a job of any kind, also of one that this version does not know. A retry cannot make a second one."""
    headers = {"Idempotency-Key": str(uuid.uuid4())}
    answer = yield from send(Request("POST", place("jobs"), body={"kind": kind, "params": params}, headers=headers))
    return JobRecord.model_validate_json(answer.content)


def listing(model: type[M], *parts: str, limit: int = MOST, **query: str) -> Flow[list[M]]:
    """The first page of a list."""
    return (yield from leafing(model, *parts, limit=limit, **query)).items


def leafing(model: type[M], *parts: str, limit: int, cursor: str | None = None, **query: str) -> Flow[Leaf[M]]:
    """A page of a list: the first one, or the one that `cursor` leads to."""
    asked: dict[str, str | int] = {"limit": limit, **query}
    if cursor:
        asked["cursor"] = cursor
    answer = yield from send(Request("GET", place(*parts), asked))
    found = _Items.model_validate_json(answer.content)
    return Leaf(found.as_list(model), found.next_cursor)


def reading_all(model: type[M], *parts: str, **query: int) -> Flow[list[M]]:
    """A list that has no pages."""
    answer = yield from send(Request("GET", place(*parts), query))
    return _Items.model_validate_json(answer.content).as_list(model)


def replaying(delivery_id: str) -> Flow[None]:
    """Asks for a webhook delivery to be sent once more. Not tried again: it might be sent twice."""
    path = place("webhooks", "deliveries", delivery_id, "replay")
    yield from send(Request("POST", path, repeatable=False))


def opening(*parts: str, headers: Mapping[str, str] | None = None) -> Flow[None]:
    """Emits the answer to a GET without its content, then the content piece by piece; 304 counts as an answer.

    Raises:
        ImpastoError: the platform refused.
        Unavailable: the content broke off.
    """
    opened: Answer | Broken = yield Open(Request("GET", place(*parts), headers=headers or {}), retried=True)
    if isinstance(opened, Broken):
        raise unreachable(opened)
    yield Emit(opened if opened.status == 304 else checked(opened))
    while True:
        chunk: bytes | Broken = yield NextChunk()
        if isinstance(chunk, Broken):
            raise Unavailable("storage_unavailable", "the picture broke off on its way")
        if not chunk:
            return
        yield Emit(chunk)


class _Items(BaseModel):
    items: list[Any]
    next_cursor: str | None = None

    def as_list(self, model: type[M]) -> list[M]:
        return [model.model_validate(item) for item in self.items]
