"""`POST /v1/artworks`: many files in one request, received as a stream, a verdict for each."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Request, Response
from starlette.requests import ClientDisconnect

from impasto.artworks import UploadResult
from impasto.backends.web.access import Caller, may
from impasto_ingestion.captions import said_of_each
from impasto_ingestion.form import Form, FormReader, boundary_of
from impasto_ingestion.pace import PACE
from impasto_ingestion.parts import TheParts

router = APIRouter(prefix="/v1", tags=["artworks"])
_BLOCK_BYTES: Final = 1 << 20


@router.post("/artworks", summary="Upload artworks", response_model=UploadResult)
async def upload_artworks(
    request: Request, caller: Annotated[Caller, Depends(may("upload"))], the: TheParts
) -> UploadResult | Response:
    """Parts named `files`, fields of an artwork for all of them, and `metadata`, a line of JSON for each file."""
    boundary = boundary_of(request.headers.get("content-type"))
    await the.intake.check_room(caller.tenant_id)
    async with the.places.taken_by(caller.tenant_id), the.workplace.request_folder() as folder:
        try:
            form = await _receive(request, boundary, folder)
        except ClientDisconnect:
            # Nobody is left to read this; the folder is cleaned as ever.
            return Response(status_code=400)
        return await the.intake.take(caller.tenant_id, form.files, said_of_each(form))


async def _receive(request: Request, boundary: bytes, folder: Path) -> Form:
    reader, block = FormReader(boundary, folder), bytearray()
    try:
        async for piece in PACE.pieces(request.stream()):
            block += piece
            if len(block) >= _BLOCK_BYTES:
                # Parsing, hashing and writing a block happen in a thread; the event loop only waits.
                await asyncio.to_thread(reader.take, bytes(block))
                block.clear()
        await asyncio.to_thread(reader.take, bytes(block))
        return reader.finish()
    finally:
        reader.close()
