"""Flows over the platform's resources: one thing, a list page by page, something new."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final, TypeVar
from urllib.parse import quote

from pydantic import BaseModel

from impasto.client.answers import send
from impasto.client.flow import Emit, Flow, Request
from impasto.tenants import ApiKeyRecord, Scope

M = TypeVar("M", bound=BaseModel)

PAGE: Final = 100


class About(BaseModel):
    """What the platform says of itself; uploads go straight to `ingestion_url`."""

    name: str
    version: str
    ingestion_url: str | None = None


class CreatedKey(BaseModel):
    """A new API key; `key` is shown this once."""

    key: str
    record: ApiKeyRecord


def place(*parts: str) -> str:
    """A path under /v1, each part escaped."""
    return "/v1" + "".join("/" + quote(part, safe=":") for part in parts)


def fetch(model: type[M], *parts: str, **query: str) -> Flow[M]:
    """One thing."""
    answer = yield from send(Request("GET", place(*parts), query))
    return model.model_validate_json(answer.content)


def pages(model: type[M], *parts: str, most: int | None = None, **query: str | None) -> Flow[None]:
    """Emits every item of a list, newest first, asking for a page only when its first item is wanted."""
    wanted = {name: value for name, value in query.items() if value}
    left, cursor = most, ""
    while left is None or left > 0:
        size = PAGE if left is None else min(PAGE, left)
        asked = wanted | {"limit": str(size)} | ({"cursor": cursor} if cursor else {})
        answer = yield from send(Request("GET", place(*parts), asked))
        page = _Page.model_validate_json(answer.content)
        for item in page.items[:left]:
            yield Emit(model.model_validate(item))
        left = None if left is None else left - len(page.items)
        if not page.next_cursor:
            return
        cursor = page.next_cursor


def create(model: type[M], body: Mapping[str, Any], *parts: str) -> Flow[M]:
    """Makes a new thing. Not tried again if the answer was lost: it might be made twice."""
    answer = yield from send(Request("POST", place(*parts), body=body, repeatable=False))
    return model.model_validate_json(answer.content)


def remove(*parts: str) -> Flow[None]:
    """Takes a thing away; doing so twice changes nothing."""
    yield from send(Request("DELETE", place(*parts)))


class _Page(BaseModel):
    items: list[Any]
    next_cursor: str | None = None


def new_key(name: str, scopes: Iterable[Scope], expires_at: str | None) -> dict[str, Any]:
    """The body that asks for a new API key; `expires_at` is an ISO 8601 time."""
    return {"name": name, "scopes": list(scopes)} | ({"expires_at": expires_at} if expires_at else {})
