"""What a worker's own process tells of itself: its device, the bells it heard, the loads that its engine reports."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from prometheus_client import Counter, Histogram
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from impasto_worker.active import ActiveJobs

BELLS: Final = Counter("impasto_bells_heard", "Bells that a worker heard, by what it found then", ["found"])
for _found in ("job", "nothing"):
    BELLS.labels(_found)
# From a small model that is in the page cache to tens of gigabytes from a slow disk.
LOADS: Final = Histogram(
    "impasto_model_load_seconds",
    "Seconds that the engine took to load a checkpoint",
    buckets=(0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 900),
)


def count_loads(took_s: Iterable[float]) -> None:
    """Counts loads by the seconds that each took, as the engine reports them."""
    for seconds in took_s:
        LOADS.observe(seconds)


class DeviceFigures(Collector):
    """How occupied a worker's device is, read when it is scraped: a job's begin and end cost nothing for it."""

    def __init__(self, device: str, active: ActiveJobs) -> None:
        self._device, self._active = device, active

    def describe(self) -> Iterable[Metric]:
        return self.collect()

    def collect(self) -> Iterator[Metric]:
        jobs, busy_s = self._active.occupied()
        running = GaugeMetricFamily("impasto_slots_busy", "Jobs that hold a slot of this worker", labels=["device"])
        running.add_metric([self._device], jobs)
        busy = CounterMetricFamily(
            "impasto_device_busy_seconds", "Seconds in which a job held this worker's device", labels=["device"]
        )
        busy.add_metric([self._device], busy_s)
        yield from (running, busy)
