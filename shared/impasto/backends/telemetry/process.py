"""Each process of the platform begins here: nothing else sets up logging or tracing."""

from __future__ import annotations

import logging
import os
from importlib.util import find_spec

from impasto.backends.telemetry import spans
from impasto.backends.telemetry.lines import write_lines
from impasto.settings import Settings

_LOG = logging.getLogger("impasto.process")


def begin_telling(settings: Settings, service: str) -> None:
    """From here on this process logs as it is set to, and sends its spans if there is a collector.

    Raises:
        SettingInvalid: a setting of the logs is none that there is, or spans are to be sent without the extra for it.
    """
    write_lines(settings, service)
    if settings.traces_endpoint and _can_send():
        # Imported here alone: a platform without a collector does not even load what speaks to one.
        from impasto.backends.telemetry.otlp import OtlpRecorder

        spans.record_by(OtlpRecorder.of(settings, service))


def _has_sender() -> bool:
    # What only names spans comes along with other libraries.
    return find_spec("opentelemetry") is not None and find_spec("opentelemetry.sdk") is not None


def _can_send() -> bool:
    """Whether to load what sends. Who asked for it by our own name is told what is missing by its import."""
    if os.environ.get("IMPASTO_TRACES_ENDPOINT") or _has_sender():
        return True
    _LOG.warning("no spans are sent, though OTEL_EXPORTER_OTLP_ENDPOINT is set: pip install 'impasto[traces]'")
    return False


def end_telling() -> None:
    """Sends what waits; a collector that does not answer holds up nobody's leaving for longer than three seconds."""
    spans.stop_recording()
