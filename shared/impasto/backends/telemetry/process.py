"""Each process of the platform begins here: nothing else sets up logging or tracing."""

from __future__ import annotations

from impasto.backends.telemetry import spans
from impasto.backends.telemetry.lines import write_lines
from impasto.settings import Settings


def begin_telling(settings: Settings, service: str) -> None:
    """From here on this process logs as it is set to, and sends its spans if there is a collector.

    Raises:
        SettingInvalid: a setting of the logs is none that there is, or spans are to be sent without the extra for it.
    """
    write_lines(settings, service)
    if settings.traces_endpoint:
        # Imported here alone: a platform without a collector does not even load what speaks to one.
        from impasto.backends.telemetry.otlp import OtlpRecorder

        spans.record_by(OtlpRecorder.of(settings, service))


def end_telling() -> None:
    """Sends what waits; a collector that does not answer holds up nobody's leaving for longer than three seconds."""
    spans.stop_recording()
