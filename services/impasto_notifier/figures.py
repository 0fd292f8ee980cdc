"""What is counted of webhooks."""

from __future__ import annotations

from typing import Final

from prometheus_client import Counter, Gauge, Histogram

ATTEMPTS: Final = Counter("impasto_webhook_attempts", "Attempts to send, by how they went", ["how"])
SECONDS: Final = Histogram("impasto_webhook_seconds", "Seconds from the connection to the end of an attempt")
LATE: Final = Histogram(
    "impasto_webhook_late_seconds",
    "Seconds between when an attempt was due and when it began",
    buckets=(0.05, 0.1, 0.25, 0.5, 1, 2, 5, 15, 60, 300),
)
IN_FLIGHT: Final = Gauge("impasto_webhook_in_flight", "Attempts under way")
