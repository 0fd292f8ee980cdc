"""`/v1/artifacts` and `/v1/lineage`: the bytes that were made, and where each came from and went."""

from __future__ import annotations

from itertools import chain
from typing import Annotated, Literal

from fastapi import APIRouter, Header, Path, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import StreamingResponse

from impasto.backends.postgres.artifacts import published_artifact
from impasto.backends.postgres.inbox import PostgresInbox
from impasto.backends.postgres.lineage import walk
from impasto.backends.postgres.pools import tenant_transaction
from impasto.errors import NotFound
from impasto.identifiers import Sha256
from impasto.lineage import LineageGraph
from impasto_gateway.parts import Reader, ReadTransaction, TheParts

router = APIRouter(prefix="/v1")


@router.get(
    "/artifacts/{sha256}",
    tags=["artifacts"],
    summary="Fetch an artifact",
    operation_id="get_artifact",
    response_class=StreamingResponse,
    responses={
        200: {"content": {"*/*": {}}, "description": "The bytes, as what they were stored as."},
        304: {"description": "Unchanged."},
    },
)
async def get_artifact(
    sha256: Sha256,
    request: Request,
    caller: Reader,
    the: TheParts,
    if_none_match: Annotated[str | None, Header(max_length=200)] = None,
) -> Response:
    """The artifact's bytes, as a stream. It never changes, so it may be cached for ever."""
    # Over before the store is asked: a slow store must not hold the database's connections.
    async with tenant_transaction(request.app.state.pool, caller.tenant_id) as connection:
        found = await published_artifact(connection, sha256)
    if found is None:
        raise NotFound("artifact", sha256)
    headers = {
        "ETag": f'"{sha256}"',
        "Cache-Control": "private, max-age=31536000, immutable",
        # What users sent is never shown as a page of ours.
        "Content-Disposition": f'attachment; filename="{sha256[:12]}"',
        "Content-Security-Policy": "sandbox",
    }
    if if_none_match == headers["ETag"]:
        return Response(status_code=304, headers=headers)
    headers["Content-Length"] = str(found.size_bytes)
    stream = the.objects.stream(caller.tenant_id, sha256)
    # Once the answer has begun, it is too late to say that the store is down or lacks the object.
    first = await run_in_threadpool(next, stream, b"")
    return StreamingResponse(chain([first], stream), media_type=found.media_type, headers=headers)


@router.get("/lineage/{identifier}", tags=["lineage"], summary="Walk lineage", operation_id="get_lineage")
async def get_lineage(
    identifier: Annotated[str, Path(max_length=200, pattern="^[!-~]+$", examples=["sha256:…", "art_…"])],
    connection: ReadTransaction,
    direction: Literal["up", "down"] = "up",
) -> LineageGraph:
    """Up to the works behind a thing, or down to all that was made of it; with licences."""
    root = f"sha256:{identifier}" if len(identifier) == 64 else identifier
    if not root.startswith("pretrained:") and await PostgresInbox(connection).missing([root]):
        raise NotFound("thing", identifier)
    return await walk(connection, root, direction)
