"""`/pictures/{sha256}`: a picture of the API, streamed with the key of whoever is signed in."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated, Any, Final

from fastapi import APIRouter, Header, Query, Response
from fastapi.responses import StreamingResponse

from impasto.client.flow import Answer
from impasto.errors import ImpastoError
from impasto.identifiers import Sha256
from impasto_studio.asking import opening
from impasto_studio.parts import client
from impasto_studio.routes.answers import refusal

router = APIRouter(include_in_schema=False)
# Only these are shown by the browser; whatever else an artifact may be is only ever saved.
_SHOWN: Final = {"image/png": "png", "image/jpeg": "jpg", "image/webp": "webp"}


@router.get("/pictures/{sha256}")
async def get_picture(
    sha256: Sha256,
    save: Annotated[bool, Query(description="To be saved to a file.")] = False,
    if_none_match: Annotated[str | None, Header(max_length=200)] = None,
) -> Response:
    """The bytes, which never change; cached by this person's browser alone."""
    headers = {"If-None-Match": if_none_match} if if_none_match else {}
    try:
        content = client().transport.iterate(opening("artifacts", sha256, headers=headers))
        answer: Answer = await anext(content)
    except ImpastoError as error:
        return refusal(error)
    media_type = answer.headers.get("content-type", "").partition(";")[0]
    kept = {
        "ETag": f'"{sha256}"',
        "Cache-Control": "private, max-age=31536000, immutable",
        "Content-Security-Policy": "sandbox; default-src 'none'",
        # A browser that was signed out must not show what another key may not see.
        "Vary": "Cookie",
    }
    if answer.status == 304:
        await anext(content, None)
        return Response(status_code=304, headers=kept)
    if save or media_type not in _SHOWN:
        name = f"{sha256[:12]}.{_SHOWN.get(media_type, 'bin')}"
        kept["Content-Disposition"] = f'attachment; filename="{name}"'
    if length := answer.headers.get("content-length"):
        kept["Content-Length"] = length
    shown = media_type if media_type in _SHOWN else "application/octet-stream"
    return StreamingResponse(_pieces(content), media_type=shown, headers=kept)


async def _pieces(content: AsyncIterator[Any]) -> AsyncIterator[bytes]:
    async for piece in content:
        yield piece
