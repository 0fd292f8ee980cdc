"""What every route may ask for: who calls, a tenant's transaction, and the process's own parts."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from typing import Annotated, Any, Generic, TypeVar

import httpx
from fastapi import Depends, Query, Request
from psycopg import AsyncConnection
from pydantic import BaseModel

from impasto.backends.gate import ResolvingGate
from impasto.backends.objects import S3Objects
from impasto.backends.sealing import SealedVault
from impasto.backends.web.access import Caller, may, transaction_for
from impasto.errors import InvalidInput, Unavailable
from impasto.identifiers import PREFIXES, is_id
from impasto_gateway.awakening import Awakener
from impasto_gateway.group_commit import GroupCommit
from impasto_gateway.job_feeds import JobFeeds
from impasto_gateway.ringing import Ringer
from impasto_gateway.tenant_feeds import TenantFeeds

T = TypeVar("T")

# scope="function": the transaction commits before the answer is sent, so that a 202 is durable.
ReadTransaction = Annotated[AsyncConnection[Any], Depends(transaction_for("read"), scope="function")]
SubmitTransaction = Annotated[AsyncConnection[Any], Depends(transaction_for("submit"), scope="function")]
AdminTransaction = Annotated[AsyncConnection[Any], Depends(transaction_for("admin"), scope="function")]
WebhookTransaction = Annotated[AsyncConnection[Any], Depends(transaction_for("webhooks"), scope="function")]
OperateTransaction = Annotated[AsyncConnection[Any], Depends(transaction_for("operate"), scope="function")]
Reader = Annotated[Caller, Depends(may("read"))]
Submitter = Annotated[Caller, Depends(may("submit"))]
WebhookOwner = Annotated[Caller, Depends(may("webhooks"))]
Limit = Annotated[int, Query(ge=1, le=200, description="How many at most.")]


@dataclass(frozen=True, slots=True)
class Parts:
    """Made once in the lifespan."""

    objects: S3Objects
    ringer: Ringer
    group_commit: GroupCommit
    awakener: Awakener
    job_feeds: JobFeeds
    tenant_feeds: TenantFeeds
    ingestion: httpx.AsyncClient
    gate: ResolvingGate
    sealing: SealedVault | None

    @property
    def vault(self) -> SealedVault:
        """What seals the secrets of webhooks.

        Raises:
            Unavailable: this platform has no key for it.
        """
        if self.sealing is None:
            raise Unavailable(
                "webhook_key_missing", "webhooks are not set up here", hint="set IMPASTO_WEBHOOK_SECRET_KEY"
            )
        return self.sealing


async def parts(request: Request) -> Parts:
    """The parts of this process."""
    found: Parts = request.app.state.parts
    return found


TheParts = Annotated[Parts, Depends(parts)]


class Page(BaseModel, Generic[T]):
    """A page of a list; give `next_cursor` as `cursor` to get the next, until it is null."""

    items: list[T]
    next_cursor: str | None = None


async def read_cursor(cursor: Annotated[str | None, Query(max_length=100)] = None) -> str | None:
    """The id that a cursor stands for.

    Raises:
        InvalidInput: the cursor did not come from this list.
    """
    if cursor is None:
        return None
    try:
        before = base64.b64decode(cursor.encode("ascii"), altchars=b"-_", validate=True).decode("ascii")
    except (binascii.Error, UnicodeError):
        before = ""
    if not any(is_id(before, prefix) for prefix in PREFIXES):
        raise InvalidInput("cursor_invalid", "that cursor did not come from this list", field="cursor")
    return before


Cursor = Annotated[str | None, Depends(read_cursor)]


def page(items: list[Any], limit: int) -> Page[Any]:
    """A page of at most `limit` of `items`, of which there is one more if a next page exists."""
    more = len(items) > limit
    last = items[limit - 1].id if more else None
    return Page(items=items[:limit], next_cursor=base64.urlsafe_b64encode(last.encode()).decode() if last else None)
