"""`/metrics` of a process that has no API of its own."""

from __future__ import annotations

from prometheus_client import REGISTRY, start_http_server
from prometheus_client.registry import Collector

from impasto.settings import Settings


def serve_metrics(settings: Settings, *collectors: Collector) -> None:
    """Serves what this process counts, and what the collectors read, if a port is set for it."""
    if settings.metrics_port:
        for collector in collectors:
            REGISTRY.register(collector)
        start_http_server(int(settings.metrics_port), addr=settings.metrics_host)
