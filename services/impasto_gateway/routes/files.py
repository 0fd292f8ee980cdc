"""`PUT /v1/files/{name}`, passed through to ingestion as a stream."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import APIRouter, Path, Request, Response

from impasto.artifacts import UploadedFile
from impasto_gateway.parts import TheParts
from impasto_gateway.routes.uploads import passed_on

router = APIRouter(prefix="/v1", tags=["files"])
# The object store gets it once all of it is there.
_STORED_S: Final = 3600.0
_BYTES: Final = {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}


@router.put(
    "/files/{name}",
    summary="Upload a file of weights",
    operation_id="upload_file",
    response_model=UploadedFile,
    openapi_extra={
        "requestBody": {"required": True, "content": _BYTES},
        "security": [{"HTTPBearer": []}],  # checked by ingestion
    },
)
async def upload_file(
    name: Annotated[str, Path(pattern="^[A-Za-z0-9_][A-Za-z0-9._-]{0,199}$", examples=["model.safetensors"])],
    request: Request,
    the: TheParts,
) -> Response:
    """The body is the file, of type .safetensors, .json, .txt or .model. An import names it by its digest."""
    return await passed_on(request, the, _STORED_S)
