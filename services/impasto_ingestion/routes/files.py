"""`PUT /v1/files/{name}`: one file of weights, received as a stream."""

from __future__ import annotations

import asyncio
from pathlib import Path as Folder
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Path, Request, Response
from starlette.requests import ClientDisconnect

from impasto.artifacts import UploadedFile
from impasto.backends.web.access import Caller, may
from impasto_ingestion.files import WeightFile, check_size
from impasto_ingestion.pace import FILE_PACE
from impasto_ingestion.parts import TheParts

router = APIRouter(prefix="/v1", tags=["files"])
_BLOCK_BYTES: Final = 1 << 20


@router.put("/files/{name}", summary="Upload a file of weights", response_model=UploadedFile)
async def upload_file(
    name: Annotated[str, Path(pattern="^[A-Za-z0-9_][A-Za-z0-9._-]{0,199}$")],
    request: Request,
    caller: Annotated[Caller, Depends(may("upload"))],
    the: TheParts,
) -> UploadedFile | Response:
    """The body is the file. The same bytes again are the same file."""
    declared = request.headers.get("content-length", "0")
    check_size(int(declared) if declared.isdigit() else 0, the.file_most_bytes)
    await the.intake.check_room(caller.tenant_id)
    async with the.file_places.taken_by(caller.tenant_id), the.workplace.request_folder() as folder:
        try:
            file = await _receive(request, name, folder, the.file_most_bytes)
        except ClientDisconnect:
            # Nobody is left to read this; the folder is cleaned as ever.
            return Response(status_code=400)
        stored = file.finish()
        await the.intake.keep(caller.tenant_id, stored, file.path)
        return UploadedFile(name=name, sha256=stored.sha256, size_bytes=stored.size_bytes)


async def _receive(request: Request, name: str, folder: Folder, most_bytes: int) -> WeightFile:
    file, block = WeightFile(name, folder / "file", most_bytes), bytearray()
    try:
        async for piece in FILE_PACE.pieces(request.stream()):
            block += piece
            if len(block) >= _BLOCK_BYTES:
                # Hashing and writing happen in a thread; the event loop only waits.
                await asyncio.to_thread(file.take, bytes(block))
                block.clear()
        await asyncio.to_thread(file.take, bytes(block))
        return file
    finally:
        file.close()
