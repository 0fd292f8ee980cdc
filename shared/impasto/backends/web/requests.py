"""Every request has an id, is counted, and has a body of bounded size; plain ASGI, so that streams stay streams."""

from __future__ import annotations

import json
import re
import time
from typing import Any, Final

from prometheus_client import Counter, Histogram
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from impasto.identifiers import new_id

REQUESTS: Final = Counter("impasto_http_requests", "Requests by route and status", ["method", "route", "status"])
SECONDS: Final = Histogram("impasto_http_request_seconds", "Seconds until the answer ended", ["method", "route"])
_GIVEN_ID: Final = re.compile(r"[A-Za-z0-9._-]{8,64}")


class RequestFrame:
    """Outermost middleware: request id in and out, metrics, and a limit on the body."""

    def __init__(self, app: ASGIApp, *, most_bytes: int, unlimited: tuple[str, ...] = ()) -> None:
        self._app, self._most, self._unlimited = app, most_bytes, unlimited

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        given = headers.get(b"x-request-id", b"").decode("latin-1")
        request_id = given if _GIVEN_ID.fullmatch(given) else new_id("req")
        scope.setdefault("state", {})["request_id"] = request_id
        started, status = time.monotonic(), 500

        async def tell(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [
                    *message["headers"],
                    (b"x-request-id", request_id.encode()),
                    (b"x-content-type-options", b"nosniff"),
                ]
            await send(message)

        limit = None if scope["path"].startswith(self._unlimited) and self._unlimited else self._most
        try:
            if limit is not None and _declared_length(headers) > limit:
                await _refuse(tell, request_id, limit)
            else:
                await self._app(scope, _bounded(receive, limit), tell)
        except _BodyTooLarge:
            await _refuse(tell, request_id, limit or 0)
        finally:
            route = getattr(scope.get("route"), "path", "unmatched")
            REQUESTS.labels(scope["method"], route, status).inc()
            SECONDS.labels(scope["method"], route).observe(time.monotonic() - started)


class _BodyTooLarge(Exception):
    pass


def _declared_length(headers: dict[bytes, bytes]) -> int:
    text = headers.get(b"content-length", b"0")
    return int(text) if text.isdigit() else 0


def _bounded(receive: Receive, limit: int | None) -> Receive:
    if limit is None:
        return receive
    seen = 0

    async def counted() -> Message:
        nonlocal seen
        message = await receive()
        seen += len(message.get("body", b""))
        if seen > limit:
            raise _BodyTooLarge
        return message

    return counted


async def _refuse(send: Send, request_id: str, limit: int) -> None:
    document: dict[str, Any] = {
        "type": "https://impasto.invalid/errors/body_too_large",
        "title": "the body is larger than allowed",
        "status": 413,
        "detail": f"the body may have at most {limit} bytes",
        "code": "body_too_large",
        "limit": limit,
        "request_id": request_id,
    }
    body = json.dumps(document).encode()
    headers = [(b"content-type", b"application/problem+json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 413, "headers": headers})
    await send({"type": "http.response.body", "body": body})
