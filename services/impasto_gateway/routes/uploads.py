"""`POST /v1/artworks` and its like, passed through to ingestion as a stream: one origin, bounded memory."""

from __future__ import annotations

from typing import Final

import httpx
from fastapi import APIRouter, Request, Response
from fastapi.responses import StreamingResponse
from starlette.background import BackgroundTask

from impasto.artworks import UploadResult
from impasto.errors import Unavailable
from impasto_gateway.parts import TheParts

router = APIRouter(prefix="/v1", tags=["artworks"])
_PASSED_ON: Final = ("authorization", "content-type", "content-length", "traceparent")


@router.post(
    "/artworks",
    summary="Upload artworks",
    operation_id="upload_artworks",
    response_model=UploadResult,
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {
                "multipart/form-data": {
                    "schema": {
                        "type": "object",
                        "required": ["files"],
                        "properties": {
                            "files": {"type": "array", "items": {"type": "string", "format": "binary"}},
                            "metadata": {"type": "string", "description": "JSONL: file_name and fields for each file."},
                            "caption": {"type": "string"},
                            "artist": {"type": "string"},
                            "collection": {"type": "string"},
                            "licence": {"type": "string"},
                        },
                    }
                }
            },
        }
    },
)
async def upload_artworks(request: Request, the: TheParts) -> Response:
    """Many files, with captions as fields or as JSONL; answers with a verdict for each file."""
    headers = {name: value for name in _PASSED_ON if (value := request.headers.get(name))}
    headers["x-request-id"] = request.state.request_id
    outgoing = the.ingestion.build_request("POST", "/v1/artworks", headers=headers, content=request.stream())
    try:
        answer = await the.ingestion.send(outgoing, stream=True)
    except httpx.TransportError as error:
        raise Unavailable("storage_unavailable", "ingestion does not answer", hint="try again shortly") from error
    kept = {name: answer.headers[name] for name in ("content-type", "retry-after") if name in answer.headers}
    return StreamingResponse(
        answer.aiter_raw(), status_code=answer.status_code, headers=kept, background=BackgroundTask(answer.aclose)
    )
