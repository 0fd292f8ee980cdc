"""`/previews/{job_id}`: what a running job has drawn so far."""

from __future__ import annotations

from fastapi import APIRouter, Response

from impasto.client.answers import send
from impasto.client.flow import Request
from impasto.client.resources import place
from impasto.errors import ImpastoError
from impasto.identifiers import JobId
from impasto_studio.parts import client
from impasto_studio.routes.answers import refusal

router = APIRouter(include_in_schema=False)


@router.get("/previews/{job_id}")
async def get_preview(job_id: JobId) -> Response:
    """The newest preview; 404 while there is none."""
    try:
        answer = await client().transport.run(send(Request("GET", place("jobs", job_id, "preview"))))
    except ImpastoError as error:
        return refusal(error)
    return Response(answer.content, media_type="image/jpeg", headers={"Cache-Control": "no-store"})
