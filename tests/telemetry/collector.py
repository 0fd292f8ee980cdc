"""A collector on loopback: takes spans by OTLP/HTTP, as Jaeger, Tempo and OpenTelemetry's own do, and keeps them."""

from __future__ import annotations

import gzip
import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

from impasto.testing.processes import eventually


@dataclass(frozen=True)
class Seen:
    """A span as it came in; identifiers are hexadecimal digits."""

    service: str
    name: str
    trace: str
    id: str
    parent: str
    attributes: dict[str, Any]
    links: tuple[str, ...]
    failed: bool


class Collector:
    """Listens on a free port. `raw` is all that came, as it came."""

    def __init__(self) -> None:
        self.raw: list[bytes] = []
        self._seen: list[Seen] = []
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def of_trace(self, trace_id: str) -> list[Seen]:
        with self._lock:
            return [span for span in self._seen if span.trace == trace_id]

    def has(self, trace_id: str, *names: str) -> list[Seen]:
        """The spans of that trace, once those of these names have come."""

        def all_of_them() -> list[Seen] | None:
            found = self.of_trace(trace_id)
            return found if {span.name for span in found} >= set(names) else None

        try:
            return eventually(all_of_them, f"spans {names}", 30)
        except AssertionError as error:
            raise AssertionError(f"{error}; there are {[span.name for span in self.of_trace(trace_id)]}") from error

    def _take(self, body: bytes) -> None:
        asked = ExportTraceServiceRequest.FromString(body)
        with self._lock:
            self.raw.append(body)
            for resource in asked.resource_spans:
                service = _values(resource.resource.attributes)["service.name"]
                self._seen += [_seen(service, span) for scope in resource.scope_spans for span in scope.spans]

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        take = self._take

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                if self.path != "/v1/traces" or self.headers["content-type"] != "application/x-protobuf":
                    self.send_error(404)
                    return
                take(gzip.decompress(body) if self.headers.get("content-encoding") == "gzip" else body)
                answer = ExportTraceServiceResponse().SerializeToString()
                self.send_response(200)
                self.send_header("content-type", "application/x-protobuf")
                self.send_header("content-length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_: object) -> None:
                pass

        return Handler


def _seen(service: str, span: Any) -> Seen:
    return Seen(
        service,
        span.name,
        span.trace_id.hex(),
        span.span_id.hex(),
        span.parent_span_id.hex(),
        _values(span.attributes),
        tuple(link.trace_id.hex() for link in span.links),
        span.status.code == 2,
    )


def _values(attributes: Any) -> dict[str, Any]:
    return {each.key: getattr(each.value, each.value.WhichOneof("value")) for each in attributes}
