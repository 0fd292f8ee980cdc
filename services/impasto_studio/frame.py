"""Every answer tells the browser to ask nobody but this server; answers are counted. Plain ASGI: streams stay so.

Cookies that were asked for over TLS are for TLS alone.
"""

from __future__ import annotations

from typing import Final

from prometheus_client import Counter
from starlette.types import ASGIApp, Message, Receive, Scope, Send

ANSWERS: Final = Counter("impasto_studio_answers", "Answers of the studio by status", ["status"])

# The pages' library compiles its templates in the browser, hence 'unsafe-eval'; nothing may come from elsewhere.
_POLICY: Final = "; ".join(
    (
        "default-src 'self'",
        "script-src 'self' 'unsafe-inline' 'unsafe-eval'",
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data: blob:",
        "font-src 'self' data:",
        "connect-src 'self' ws: wss:",
        "object-src 'none'",
        "base-uri 'self'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    )
)
_HEADERS: Final = {
    b"content-security-policy": _POLICY.encode(),
    b"x-content-type-options": b"nosniff",
    b"referrer-policy": b"same-origin",
}


class SafeFrame:
    """Outermost middleware."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        encrypted = _came_over_tls(scope)

        async def tell(message: Message) -> None:
            if message["type"] == "http.response.start":
                ANSWERS.labels(message["status"]).inc()
                given = {name.lower() for name, _ in message["headers"]}
                own = [_secured(*header) if encrypted else header for header in message["headers"]]
                message["headers"] = [*own, *(h for h in _HEADERS.items() if h[0] not in given)]
            await send(message)

        await self._app(scope, receive, tell)


def _came_over_tls(scope: Scope) -> bool:
    """As the proxy says that ends it, or whoever pretends to be one: they only bind their own cookie."""
    said = next((value for name, value in scope["headers"] if name == b"x-forwarded-proto"), b"")
    return scope["scheme"] == "https" or said.partition(b",")[0].strip().lower() == b"https"


def _secured(name: bytes, value: bytes) -> tuple[bytes, bytes]:
    return name, value + b"; secure" if name.lower() == b"set-cookie" else value
