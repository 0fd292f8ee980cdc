"""How trainings get on, for Prometheus: counted in the worker's own process, from what their runners tell."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Final

from prometheus_client import REGISTRY, Counter
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from impasto.jobs import Progress
from impasto_worker.handling import JobContext

STEPS: Final = Counter("impasto_train_steps", "Steps of trainings", ["kind"])


class Underway:
    """One attempt at a training. Its slot tells it of each step; a scrape may read it meanwhile."""

    def __init__(self, kind: str, keeps_every: int | None, clock: Callable[[], float] = time.monotonic) -> None:
        """`keeps_every`: steps between two states that another worker can go on from; None if it keeps none."""
        self.kind, self._keeps_every, self._clock = kind, keeps_every, clock
        self._first: tuple[int, float] | None = None
        self._last = (0, 0.0)
        self._kept_at = 0.0

    def told(self, progress: Progress) -> None:
        """The training has come to this step."""
        if progress.step is None or (self._first and progress.step <= self._last[0]):
            return
        here = (progress.step, self._clock())
        if self._first is None:
            # What an earlier attempt had reached is not counted again: this step alone is known to be of this one.
            self._first, self._kept_at = here, here[1]
            STEPS.labels(self.kind).inc()
        else:
            STEPS.labels(self.kind).inc(here[0] - self._last[0])
        self._last = here

    def kept(self) -> None:
        """A state is stored, and named in the database."""
        self._kept_at = self._clock()

    def passing_on(self, context: JobContext) -> Callable[[Progress], None]:
        """What hears the runner's progress: it becomes the job's, as without this."""

        def told(progress: Progress) -> None:
            self.told(progress)
            context.tell(**dict(progress))

        return told

    def keeping(self, keep: Callable[[dict[str, Any]], None]) -> Callable[[dict[str, Any]], None]:
        """What hears the runner's notes, each of which `keep` has kept when it returns."""

        def kept(note: dict[str, Any]) -> None:
            keep(note)
            if note["kind"] == "state":
                self.kept()

        return kept

    def ages(self) -> tuple[float, float] | None:
        """Seconds since a state was kept, or the first step was done, and those that the steps between two states take.

        None if it keeps none, or its pace is not known yet. The pace is that up to the last step: a training that
        hangs does not look slow.
        """
        if self._keeps_every is None or self._first is None or self._last[0] == self._first[0]:
            return None
        (first, began), (last, at) = self._first, self._last
        return self._clock() - self._kept_at, self._keeps_every * (at - began) / (last - first)


class Trainings(Collector):
    """Those under way in this process. Of several of a kind the one is told whose state is the most overdue."""

    def __init__(self) -> None:
        self._underway: set[Underway] = set()
        self._lock = threading.Lock()

    @contextmanager
    def watched(self, kind: str, keeps_every: int | None = None) -> Iterator[Underway]:
        """A training that is under way in this block."""
        underway = Underway(kind, keeps_every)
        with self._lock:
            self._underway.add(underway)
        try:
            yield underway
        finally:
            with self._lock:
                self._underway.discard(underway)

    def describe(self) -> Iterable[Metric]:
        return self.collect()

    def collect(self) -> Iterator[Metric]:
        age = GaugeMetricFamily(
            "impasto_checkpoint_age_seconds", "Seconds since a training kept its state", labels=["kind"]
        )
        interval = GaugeMetricFamily(
            "impasto_checkpoint_interval_seconds", "Seconds between two states, at the training's pace", labels=["kind"]
        )
        for kind, (age_s, interval_s) in self._most_overdue().items():
            age.add_metric([kind], age_s)
            interval.add_metric([kind], interval_s)
        yield from (age, interval)

    def _most_overdue(self) -> dict[str, tuple[float, float]]:
        with self._lock:
            found = [(underway.kind, ages) for underway in self._underway if (ages := underway.ages())]
        # Sorted, the last of a kind wins.
        return dict(sorted(found, key=lambda each: each[1][0] / max(each[1][1], 1e-9)))


TRAININGS: Final = Trainings()
REGISTRY.register(TRAININGS)
