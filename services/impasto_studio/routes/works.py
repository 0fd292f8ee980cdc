"""`/works`: one picture from a browser, handed on to the platform; answers with its verdict."""

from __future__ import annotations

import asyncio
import json
import shutil
import tempfile
from pathlib import Path
from typing import Annotated, Any, Final
from urllib.parse import unquote

from fastapi import APIRouter, Header, Request, Response
from fastapi.responses import JSONResponse

from impasto.errors import ImpastoError, InvalidInput, LimitExceeded
from impasto_studio.parts import client, parts
from impasto_studio.routes.answers import refusal

router = APIRouter(include_in_schema=False)
_MOST_BYTES: Final = 64 << 20


@router.post("/works")
async def add_work(
    request: Request,
    x_file_name: Annotated[str, Header(max_length=1000)],
    x_fields: Annotated[str, Header(max_length=8000)] = "",
) -> Response:
    """The body is the picture's bytes; its name and fields come in headers, percent-encoded.

    A name in the address would be written to the log of every proxy on the way.
    """
    folder = Path(await asyncio.to_thread(tempfile.mkdtemp, dir=parts().uploads))
    try:
        the = client()
        picture = folder / _name(x_file_name)
        await _receive(request, picture)
        result = await the.upload(picture, metadata=_fields(x_fields))
        verdict = result.files[0]
    except ImpastoError as error:
        return refusal(error)
    finally:
        await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)
    told: dict[str, Any] = {"verdict": verdict.verdict}
    if verdict.artwork:
        told |= {"id": verdict.artwork.id, "sha256": verdict.artwork.sha256}
    return JSONResponse(told | ({"error": verdict.error} if verdict.error else {}))


async def _receive(request: Request, picture: Path) -> None:
    seen = 0
    with picture.open("wb") as file:
        async for chunk in request.stream():
            seen += len(chunk)
            if seen > _MOST_BYTES:
                raise LimitExceeded("body_too_large", "a picture may have at most 64 MiB")
            file.write(chunk)


def _name(header: str) -> str:
    """The file's own name, without folders, and short enough for every disk."""
    name = unquote(header).replace("\\", "/").rpartition("/")[2].replace("\0", "").strip(". ")
    # As the length of the name is counted in bytes by the disk, and its end says what it is.
    return name.encode()[-200:].decode(errors="ignore") or "picture"


def _fields(header: str) -> dict[str, Any]:
    try:
        fields = json.loads(unquote(header)) if header else {}
    except ValueError:
        fields = None
    if not isinstance(fields, dict):
        raise InvalidInput("metadata_invalid", "the fields are not JSON")
    return fields
