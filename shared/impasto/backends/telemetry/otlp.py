"""OpenTelemetry's SDK and its OTLP/HTTP exporter; loaded only where there is a collector to speak to."""

from __future__ import annotations

import logging
import os
import socket
import threading
import time
from typing import Final, Self

import impasto
from impasto.backends.telemetry.spans import Attributes, SpanKind
from impasto.settings import SettingInvalid, Settings
from impasto.traces import trace_parent

try:
    import requests
    from opentelemetry import context, trace
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor
    from opentelemetry.trace.propagation import set_span_in_context
except ImportError as missing:
    raise SettingInvalid(
        "value_invalid",
        "spans are to be sent to a collector, and what sends them is not installed: pip install 'impasto[traces]', "
        "or unset IMPASTO_TRACES_ENDPOINT and OTEL_EXPORTER_OTLP_ENDPOINT",
    ) from missing

_PATH: Final = "/v1/traces"
# Of an end of the process; a collector that is silent gets no more.
_FLUSH_S: Final = 3.0
_COMPLAINS_EVERY_S: Final = 60.0
_KINDS: Final[dict[SpanKind, trace.SpanKind]] = {
    "internal": trace.SpanKind.INTERNAL,
    "server": trace.SpanKind.SERVER,
    "client": trace.SpanKind.CLIENT,
    "producer": trace.SpanKind.PRODUCER,
    "consumer": trace.SpanKind.CONSUMER,
}


class OtlpSpan:
    """Satisfies `spans.Span`."""

    def __init__(self, span: trace.Span) -> None:
        self._span = span

    @property
    def traceparent(self) -> str | None:
        found = self._span.get_span_context()
        if not found.is_valid:
            return None
        return f"00-{found.trace_id:032x}-{found.span_id:016x}-{int(found.trace_flags):02x}"

    def set(self, attributes: Attributes) -> None:
        self._span.set_attributes(attributes)

    def rename(self, name: str) -> None:
        self._span.update_name(name)

    def fail(self, kind: str) -> None:
        self._span.set_attribute("error.type", kind)
        self._span.set_status(trace.StatusCode.ERROR)

    def __enter__(self) -> Self:
        self._token = context.attach(set_span_in_context(self._span))
        return self

    def __exit__(self, *error: object) -> None:
        context.detach(self._token)
        if error and isinstance(error[0], type):
            # Its type alone: what it says may quote what a customer sent.
            self.fail(error[0].__qualname__)
        self._span.end()


class OtlpRecorder:
    """Satisfies `spans.Recorder`. Spans wait in a bounded queue and are sent together by a thread of their own.

    Whatever the collector does, nobody waits for it: what the queue cannot hold is dropped.
    """

    def __init__(self, provider: TracerProvider) -> None:
        # Never the global one: libraries that make spans of their own accord would tell what is said to databases.
        self._provider = provider
        self._tracer = provider.get_tracer("impasto", impasto.__version__)

    @classmethod
    def of(cls, settings: Settings, service: str) -> OtlpRecorder:
        """Sends to the collector of these settings. How many wait, how often they go and which traces are kept is
        set by the variables that OpenTelemetry has for it (`OTEL_BSP_…`, `OTEL_TRACES_SAMPLER`).
        """
        address = settings.traces_endpoint
        endpoint = address if address.endswith(_PATH) else address.rstrip("/") + _PATH
        session = requests.Session()
        session.trust_env = False  # a proxy for the way out is none for a part of the platform
        logging.getLogger(OTLPSpanExporter.__module__).addFilter(_Seldom().filter)
        provider = TracerProvider(
            resource=Resource.create(
                {
                    "service.namespace": "impasto",
                    "service.name": f"impasto-{service}",
                    "service.version": impasto.__version__,
                    "service.instance.id": f"{socket.gethostname()}-{os.getpid()}",
                }
            ),
            shutdown_on_exit=False,
        )
        provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint, session=session)))
        return cls(provider)

    def span(
        self, name: str, kind: SpanKind, parent: str | None, link: str | None, attributes: Attributes | None
    ) -> OtlpSpan:
        linked = _context_of(link)
        return OtlpSpan(
            self._tracer.start_span(
                name,
                context=_within(parent),
                kind=_KINDS[kind],
                attributes=attributes,
                links=[trace.Link(linked)] if linked else None,
            )
        )

    def past(self, name: str, kind: SpanKind, parent: str | None, began_ns: int, attributes: Attributes | None) -> None:
        self._tracer.start_span(
            name, context=_within(parent), kind=_KINDS[kind], attributes=attributes, start_time=began_ns
        ).end()

    def current(self) -> OtlpSpan:
        return OtlpSpan(trace.get_current_span())

    def close(self) -> None:
        # The SDK's own end waits for half a minute.
        ending = threading.Thread(target=self._provider.shutdown, name="spans", daemon=True)
        ending.start()
        ending.join(_FLUSH_S)


def _context_of(traceparent: str | None) -> trace.SpanContext | None:
    if traceparent is None or trace_parent(traceparent) is None:
        return None
    _, trace_id, span_id, flags = traceparent.split("-")
    return trace.SpanContext(
        int(trace_id, 16), int(span_id, 16), is_remote=True, trace_flags=trace.TraceFlags(int(flags, 16))
    )


def _within(parent: str | None) -> context.Context | None:
    """None: whatever is under way here."""
    found = _context_of(parent)
    return set_span_in_context(trace.NonRecordingSpan(found), context.Context()) if found else None


class _Seldom:
    """Lets a line through once a minute: a collector that is away for a night is no news each second."""

    def __init__(self) -> None:
        self._next = 0.0

    def filter(self, _: logging.LogRecord) -> bool:
        now = time.monotonic()
        if now < self._next:
            return False
        self._next = now + _COMPLAINS_EVERY_S
        return True
