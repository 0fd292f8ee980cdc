"""The database's figures for Prometheus: read at most every few seconds, however many scrape."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from psycopg import Connection, Error
from psycopg_pool import ConnectionPool, PoolTimeout

from impasto.backends.postgres import figures
from impasto.workers import OpenJobs, QueueStatus, WorkerStatus, queue_statuses

_LOG = logging.getLogger("impasto.figures")
_KEPT_S: Final = 5.0
# Reads many rows, every artifact's too, and changes slowly.
_SLOW_KEPT_S: Final = 60.0


class Figures(Collector):
    """Sums over all tenants. Without the database it tells only that, and no figure that has grown old."""

    def __init__(
        self,
        pool: ConnectionPool[Connection[Any]],
        *,
        kept_s: float = _KEPT_S,
        slow_kept_s: float = _SLOW_KEPT_S,
    ) -> None:
        self._pool, self._kept_s, self._slow_kept_s = pool, kept_s, slow_kept_s
        self._lock = threading.Lock()
        self._read_at = self._slow_at = -1e9
        self._metrics: list[Metric] = []
        self._slow: list[Metric] = []

    def describe(self) -> Iterable[Metric]:
        """Nothing: registering must not ask the database."""
        return []

    def collect(self) -> Iterator[Metric]:
        with self._lock:
            if time.monotonic() - self._read_at >= self._kept_s:
                self._metrics = self._read()
                self._read_at = time.monotonic()
            yield from self._metrics

    def _read(self) -> list[Metric]:
        try:
            with self._pool.connection() as connection:
                found = [metric for read in _READERS for metric in read(connection)]
                if time.monotonic() - self._slow_at >= self._slow_kept_s:
                    self._slow = [metric for read in _SLOW_READERS for metric in read(connection)]
                    self._slow_at = time.monotonic()
        except (Error, PoolTimeout) as error:
            _LOG.warning("no figures, the database does not answer: %s", type(error).__name__)
            return [_answers(False)]
        return [_answers(True), *found, *self._slow]


def _answers(does: bool) -> Metric:
    return GaugeMetricFamily("impasto_database_answers", "Whether the database gave its figures", value=float(does))


def _jobs_and_workers(connection: Connection[Any]) -> Iterator[Metric]:
    jobs, workers = figures.read_open_jobs(connection), figures.read_workers(connection)
    yield _open_jobs(jobs)
    yield from _queues(queue_statuses(jobs, workers))
    yield from _workers(workers)


def _open_jobs(jobs: list[OpenJobs]) -> Metric:
    metric = GaugeMetricFamily(
        "impasto_jobs", "Jobs that have not ended, by state and kind", labels=["state", "kind", "queue"]
    )
    for some in jobs:
        metric.add_metric([some.state, some.kind, some.queue], some.count)
    return metric


def _queues(queues: list[QueueStatus]) -> Iterator[Metric]:
    depth = GaugeMetricFamily("impasto_queue_jobs", "Jobs of a queue by state", labels=["queue", "state"])
    oldest = GaugeMetricFamily("impasto_oldest_queued_seconds", "Age of the oldest that could start", labels=["queue"])
    there = GaugeMetricFamily("impasto_queue_workers", "Living workers of a queue", labels=["queue", "state"])
    for queue in queues:
        depth.add_metric([queue.name, "queued"], queue.queued)
        depth.add_metric([queue.name, "running"], queue.running)
        oldest.add_metric([queue.name], queue.oldest_queued_s or 0.0)
        there.add_metric([queue.name, "idle"], queue.idle_workers)
        there.add_metric([queue.name, "busy"], queue.workers - queue.idle_workers)
    yield from (depth, oldest, there)


def _workers(workers: list[WorkerStatus]) -> Iterator[Metric]:
    seen = GaugeMetricFamily("impasto_worker_seen_seconds", "Seconds since a worker told that it lives", labels=_WORKER)
    slots = GaugeMetricFamily("impasto_worker_slots", "Jobs that a worker can run at once", labels=_WORKER)
    running = GaugeMetricFamily("impasto_worker_running", "Jobs that a worker runs", labels=_WORKER)
    used = GaugeMetricFamily("impasto_worker_memory_used_bytes", "Memory in use of its device", labels=_WORKER)
    memory = GaugeMetricFamily("impasto_worker_memory_bytes", "Memory of a worker's device", labels=_WORKER)
    loaded = GaugeMetricFamily("impasto_worker_checkpoints", "Checkpoints that a worker has loaded", labels=_WORKER)
    for worker in workers:
        told = [
            (seen, worker.seen_s), (slots, worker.slots), (running, worker.running), (used, worker.memory_used_bytes),
            (memory, worker.memory_bytes), (loaded, len(worker.checkpoints)),
        ]  # fmt: skip
        for metric, value in told:
            if value is not None:
                metric.add_metric([worker.name], value)
    yield from (seen, slots, running, used, memory, loaded)


def _outbox(connection: Connection[Any]) -> Iterator[Metric]:
    bells = figures.unrung_bells(connection)
    yield GaugeMetricFamily("impasto_outbox_unrung", "Bells that wait to be rung", value=bells.count)
    yield GaugeMetricFamily("impasto_outbox_oldest_seconds", "Age of the oldest of them", value=bells.oldest_s)


def _webhooks(connection: Connection[Any]) -> Iterator[Metric]:
    due = figures.due_webhooks(connection)
    yield GaugeMetricFamily("impasto_webhook_due", "Deliveries whose time has come", value=due.count)
    yield GaugeMetricFamily(
        "impasto_webhook_oldest_due_seconds", "For how long the oldest of them has been due", value=due.oldest_s
    )


def _dead(connection: Connection[Any]) -> Iterator[Metric]:
    dead = GaugeMetricFamily(
        "impasto_dead_jobs", "Jobs that were given up within a day and not retried since", labels=["kind", "code"]
    )
    for kind, code, count in figures.dead_jobs(connection):
        dead.add_metric([kind, code], count)
    yield dead


def _orphans(connection: Connection[Any]) -> Iterator[Metric]:
    yield GaugeMetricFamily(
        "impasto_upload_orphans", "Stored artifacts that nobody published", value=figures.upload_orphans(connection)
    )


def _storage(connection: Connection[Any]) -> Iterator[Metric]:
    metric = GaugeMetricFamily("impasto_storage_bytes", "Bytes that are stored, by place", labels=["place"])
    metric.add_metric(["artifacts"], figures.artifact_bytes(connection))
    metric.add_metric(["database"], figures.database_bytes(connection))
    yield metric


_WORKER: Final = ["worker"]
_Reader = Callable[[Connection[Any]], Iterable[Metric]]
_READERS: Final[tuple[_Reader, ...]] = (_jobs_and_workers, _outbox, _webhooks)
_SLOW_READERS: Final[tuple[_Reader, ...]] = (_dead, _orphans, _storage)
