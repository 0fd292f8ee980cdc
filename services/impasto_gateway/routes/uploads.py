"""`POST /v1/artworks` and its like, passed through to ingestion as a stream: one origin, bounded memory."""

from __future__ import annotations

from typing import Final

import httpx
from fastapi import APIRouter, Request, Response
from fastapi.responses import StreamingResponse
from starlette.background import BackgroundTask

from impasto.artworks import ArtworkMetadata, UploadResult
from impasto.backends.web.problems import documented
from impasto.errors import Unavailable
from impasto_gateway.parts import Parts, TheParts

router = APIRouter(prefix="/v1", tags=["artworks"])
_PASSED_BACK: Final = ("content-type", "retry-after", "ratelimit", "ratelimit-policy")
_FIELDS: Final = ArtworkMetadata.model_fields
_PASSED_ON: Final = ("authorization", "content-type", "content-length")
_TEXT: Final = {name: {"type": "string", "description": f.description} for name, f in _FIELDS.items()}
_FORM: Final = {
    "type": "object",
    "required": ["files"],
    "properties": {
        "files": {"type": "array", "items": {"type": "string", "format": "binary"}, "maxItems": 100},
        "metadata": {"type": "string", "description": "JSONL: a line with file_name and fields for each file."},
        **_TEXT,
    },
}


@router.post(
    "/artworks",
    summary="Upload artworks",
    operation_id="upload_artworks",
    response_model=UploadResult,
    responses=documented(415),
    openapi_extra={
        "requestBody": {"required": True, "content": {"multipart/form-data": {"schema": _FORM}}},
        "security": [{"HTTPBearer": []}],  # checked by ingestion
    },
)
async def upload_artworks(request: Request, the: TheParts) -> Response:
    """Many files, with captions as fields or as JSONL; answers with a verdict for each file."""
    return await passed_on(request, the)


async def passed_on(request: Request, the: Parts, answer_s: float = 300.0) -> Response:
    """What ingestion answers to this very request, whose body goes there as it comes.

    `answer_s`: how long that may take once all of it is there.

    Raises:
        Unavailable: ingestion does not answer.
    """
    headers = {name: value for name in _PASSED_ON if (value := request.headers.get(name))}
    headers |= {"x-request-id": request.state.request_id, "traceparent": request.state.traceparent}
    outgoing = the.ingestion.build_request(
        request.method,
        request.url.path,
        headers=headers,
        content=request.stream(),
        timeout=httpx.Timeout(answer_s, connect=5),
    )
    try:
        answer = await the.ingestion.send(outgoing, stream=True)
    except httpx.TransportError as error:
        raise Unavailable("storage_unavailable", "ingestion does not answer", hint="try again shortly") from error
    kept = {name: answer.headers[name] for name in _PASSED_BACK if name in answer.headers}
    return StreamingResponse(
        answer.aiter_raw(), status_code=answer.status_code, headers=kept, background=BackgroundTask(answer.aclose)
    )
