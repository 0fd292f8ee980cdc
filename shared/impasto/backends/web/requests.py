"""Every request has an id and a trace, is counted, and has a body of bounded size; plain ASGI: streams stay streams."""

from __future__ import annotations

import json
import logging
import re
import time
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from fastapi.telemetry import TelemetryConfig
from prometheus_client import Counter, Histogram
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from impasto.backends.telemetry import spans
from impasto.backends.telemetry.bound import bound
from impasto.backends.web.problems import PROBLEM_TYPE, problem_document
from impasto.faults import trace_of
from impasto.identifiers import new_id
from impasto.traces import new_trace_parent, trace_id_of, trace_parent

_LOG = logging.getLogger("impasto.web")
REQUESTS: Final = Counter("impasto_http_requests", "Requests by route and status", ["method", "route", "status"])
SECONDS: Final = Histogram("impasto_http_request_seconds", "Seconds until the answer ended", ["method", "route"])
# Asked every few seconds by whoever watches, and of no interest afterwards.
_PROBES: Final = frozenset({"/healthz", "/livez", "/readyz", "/metrics"})
# FastAPI's own, if somebody turns it on, would tell what was in a request that it refuses. This frame tells the rest.
NO_TELEMETRY: Final[TelemetryConfig] = {"tracing": False, "metrics": False, "logs": False, "auto_configure": False}
_GIVEN_ID: Final = re.compile(r"[A-Za-z0-9._-]{8,64}")


class RequestFrame:
    """Outermost middleware: request id in and out, the trace it belongs to, metrics, and a limit on the body."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        most_bytes: int,
        larger: Mapping[str, int] = MappingProxyType({}),
        unlimited: tuple[str, ...] = (),
    ) -> None:
        """`larger` are limits of single addresses, `unlimited` what addresses without one begin with."""
        self._app, self._most, self._larger, self._unlimited = app, most_bytes, larger, unlimited

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        given = headers.get(b"x-request-id", b"").decode("latin-1")
        request_id = given if _GIVEN_ID.fullmatch(given) else new_id("req")
        scope.setdefault("state", {})["request_id"] = request_id
        # What is no traceparent is as none. Without one a trace begins here, recorded or not.
        parent = trace_parent(headers.get(b"traceparent", b"").decode("latin-1"))
        with _span_of(scope, parent) as span:
            traceparent = span.traceparent or parent or new_trace_parent()
            scope["state"]["traceparent"] = traceparent
            with bound(request_id=request_id, trace_id=trace_id_of(traceparent)):
                await self._answer(scope, receive, send, headers, span)

    async def _answer(
        self, scope: Scope, receive: Receive, send: Send, headers: dict[bytes, bytes], span: spans.Span
    ) -> None:
        request_id = scope["state"]["request_id"]
        started, status, started_answer = time.monotonic(), 500, False

        most = self._larger.get(scope["path"], self._most)
        body = _Body(receive, None if self._unlimited and scope["path"].startswith(self._unlimited) else most)

        async def tell(message: Message) -> None:
            nonlocal status, started_answer
            if body.too_large:
                return  # whatever the application says of a body that was cut off, the answer is below
            if message["type"] == "http.response.start":
                status, started_answer = message["status"], True
                # What a route's dependencies say of the request, such as how many more may come.
                more = scope["state"].get("headers", [])
                message["headers"] = [*message["headers"], *_frame_headers(request_id), *more]
            await send(message)

        try:
            if not body.declared_too_large(headers):
                await self._app(scope, body.receive, tell)
        except _BodyTooLarge:
            assert body.too_large
        except Exception as error:  # noqa: BLE001  the edge of the process
            # Whatever was not foreseen is logged by its place and told as nothing but an id.
            _LOG.error("request %s failed\n%s", request_id, trace_of(error))
            if not started_answer:
                status = await _answer(send, request_id, "internal_error", "please report this with the request id")
        finally:
            if body.too_large:
                detail = f"the body may have at most {body.limit} bytes"
                status = await _answer(send, request_id, "body_too_large", detail, limit=body.limit)
            route = getattr(scope.get("route"), "path", "unmatched")
            if spans.recorded():
                _tell_span(span, scope["method"], route, status)
            REQUESTS.labels(scope["method"], route, status).inc()
            SECONDS.labels(scope["method"], route).observe(time.monotonic() - started)


class _BodyTooLarge(Exception):
    pass


class _Body:
    """The request's body, which ends with an exception once it is larger than allowed."""

    def __init__(self, receive: Receive, limit: int | None) -> None:
        self._receive, self.limit = receive, limit
        self._seen, self.too_large = 0, False

    def declared_too_large(self, headers: dict[bytes, bytes]) -> bool:
        text = headers.get(b"content-length", b"0")
        self.too_large = self.limit is not None and text.isdigit() and int(text) > self.limit
        return self.too_large

    async def receive(self) -> Message:
        message = await self._receive()
        self._seen += len(message.get("body", b""))
        if self.limit is not None and self._seen > self.limit:
            self.too_large = True
            raise _BodyTooLarge
        return message


def _span_of(scope: Scope, parent: str | None) -> spans.Span:
    if not spans.recorded() or scope["path"] in _PROBES:
        return spans.NO_SPAN
    # The path is left to its route: what cannot be matched may be anything.
    about = {"http.request.method": scope["method"], "url.scheme": scope["scheme"]}
    return spans.span(scope["method"], "server", parent=parent, attributes=about)


def _tell_span(span: spans.Span, method: str, route: str, status: int) -> None:
    span.rename(f"{method} {route}")
    span.set({"http.route": route, "http.response.status_code": status})
    if status >= 500:
        span.fail(str(status))


def _frame_headers(request_id: str) -> list[tuple[bytes, bytes]]:
    return [(b"x-request-id", request_id.encode()), (b"x-content-type-options", b"nosniff")]


async def _answer(send: Send, request_id: str, code: str, detail: str, **members: Any) -> int:
    document = problem_document(request_id, code, detail, **members)
    body = json.dumps(document).encode()
    headers = [(b"content-type", PROBLEM_TYPE.encode()), (b"content-length", str(len(body)).encode())]
    headers += _frame_headers(request_id)
    await send({"type": "http.response.start", "status": document["status"], "headers": headers})
    await send({"type": "http.response.body", "body": body})
    return int(document["status"])
