"""`/v1/jobs/{id}/preview`: what is being drawn, as a small picture."""

from __future__ import annotations

import hashlib
from typing import Annotated

from fastapi import APIRouter, Header, Response

from impasto.backends.postgres.jobs import preview_of
from impasto.errors import ImpastoError, NotFound
from impasto.identifiers import JobId
from impasto_gateway.parts import ReadTransaction

router = APIRouter(prefix="/v1/jobs", tags=["jobs"])


@router.get(
    "/{job_id}/preview",
    summary="Look at what is being drawn",
    operation_id="get_job_preview",
    response_class=Response,
    responses={
        200: {"content": {"image/jpeg": {}}, "description": "The newest preview."},
        304: {"description": "It is still the one of that ETag."},
    },
)
async def get_preview(
    job_id: JobId,
    connection: ReadTransaction,
    if_none_match: Annotated[str | None, Header(max_length=200)] = None,
) -> Response:
    """The last small JPEG of a job that draws: its pictures so far, at most 32 kB. It changes up to twice a second."""
    found = await preview_of(connection, job_id)
    if found is None:
        raise NotFound("job", job_id)
    if not found.jpeg:
        raise ImpastoError(
            "result_not_ready",
            "there is no preview of this job",
            hint="look again in a moment" if not found.ended else "fetch the artifacts of its result",
        )
    headers = {"ETag": f'"{hashlib.sha256(found.jpeg).hexdigest()[:32]}"', "Cache-Control": "no-cache"}
    if if_none_match == headers["ETag"]:
        return Response(status_code=304, headers=headers)
    return Response(found.jpeg, media_type="image/jpeg", headers=headers)
