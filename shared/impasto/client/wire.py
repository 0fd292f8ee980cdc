"""Between flows and httpx: what both transports need to turn a request into httpx's words and its errors into ours."""

from __future__ import annotations

import mimetypes
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack
from typing import Any, BinaryIO, Final

import httpx

import impasto
from impasto.client.address import Address
from impasto.client.flow import Answer, Broken, Form, Request

_CONNECT_S: Final = 10.0
_BLOCK_BYTES: Final = 1 << 20
_THIS_MACHINE: Final = frozenset({"127.0.0.1", "localhost", "::1"})
# A connection that was never made cannot have carried the request.
_NOT_SENT: Final = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)


def options(address: Address) -> dict[str, Any]:
    """How an httpx client is made for this address. Redirects are not followed: the key goes nowhere else."""
    headers = {"Authorization": f"Bearer {address.api_key}", "User-Agent": f"impasto-python/{impasto.__version__}"}
    # A proxy that the environment names is for the world outside, not for a platform on this machine.
    outside = httpx.URL(address.url).host not in _THIS_MACHINE
    return {"base_url": address.url, "headers": headers, "follow_redirects": False, "trust_env": outside}


def arguments(request: Request, opened: ExitStack) -> dict[str, Any]:
    """The arguments of httpx's `build_request`; files of a form are opened and closed with `opened`.

    Raises:
        OSError: a file cannot be opened.
    """
    given: dict[str, Any] = {
        "method": request.method,
        "url": (request.origin or "").rstrip("/") + request.path,
        "headers": dict(request.headers),
        "timeout": httpx.Timeout(request.read_s, connect=_CONNECT_S),
    }
    if request.query:
        given["params"] = dict(request.query)
    if request.body is not None:
        given["json"] = dict(request.body)
    if request.form is not None:
        given |= _multipart(request.form, opened)
    if request.file is not None:
        given["headers"] |= {
            "Content-Length": str(request.file.stat().st_size),
            "Content-Type": "application/octet-stream",
        }
        given["content"] = _blocks(opened.enter_context(request.file.open("rb")), request.on_sent)
    return given


def _blocks(file: BinaryIO, on_sent: Callable[[int], None] | None) -> Iterator[bytes]:
    sent = 0
    while block := file.read(_BLOCK_BYTES):
        yield block
        sent += len(block)
        if on_sent:
            on_sent(sent)


async def awaited(blocks: Iterator[bytes]) -> AsyncIterator[bytes]:
    """The blocks of a file for a transport that awaits; reading one is short, and bounded."""
    for block in blocks:
        yield block


def answer_of(response: httpx.Response, content: bytes = b"") -> Answer:
    """httpx's response as an answer."""
    return Answer(response.status_code, {name.lower(): value for name, value in response.headers.items()}, content)


def broken_by(error: httpx.TransportError, url: str) -> Broken:
    """Why there was no answer."""
    said = str(error) or type(error).__name__
    silent = isinstance(error, httpx.ReadTimeout)
    reason = "no connection" if isinstance(error, _NOT_SENT) else "no answer in time" if silent else said
    return Broken(reason, url, sent=not isinstance(error, _NOT_SENT), silent=silent)


def _multipart(form: Form, opened: ExitStack) -> dict[str, Any]:
    parts: list[tuple[str, tuple[str, Any, str]]] = []
    if form.metadata:
        # First, so that ingestion knows what is said of a file before the file comes.
        parts.append(("metadata", ("metadata.jsonl", form.metadata.encode(), "application/jsonl")))
    for part in form.files:
        media_type = mimetypes.guess_type(part.name)[0] or "application/octet-stream"
        parts.append(("files", (part.name, opened.enter_context(part.path.open("rb")), media_type)))
    return {"data": dict(form.fields), "files": parts}
