"""`/operators`: queues, workers and deliveries, for whoever keeps the platform running."""

from __future__ import annotations

from typing import Final

from nicegui import ui
from starlette.responses import RedirectResponse

from impasto_studio.asking import reading_all
from impasto_studio.entrance import guard
from impasto_studio.parts import client
from impasto_studio.pieces.ages import age, size, span
from impasto_studio.pieces.basic import box, words
from impasto_studio.pieces.deliveries import deliveries
from impasto_studio.pieces.jobs import state_mark
from impasto_studio.pieces.rows import Clocks
from impasto_studio.pieces.section import Nothing, Section
from impasto_studio.records import QueueRecord, WorkerRecord
from impasto_studio.shell import page, top
from impasto_studio.words import say

_AGAIN_S: Final = 5.0


def register() -> None:
    """Makes the page known."""
    ui.page("/operators")(_operators)


async def _operators() -> RedirectResponse | None:
    if away := guard():
        return away
    with page("operators", say("place.operators")):
        with top(say("place.operators"), say("operators.note")):
            pass
        queues, workers, sent = _queues(), _workers(), deliveries()
    await ui.context.client.connected()

    async def load() -> None:
        await queues.load()
        await workers.load()
        await sent.load()

    await load()
    ui.timer(_AGAIN_S, load)
    return None


def _queues() -> Section[QueueRecord]:
    async def ask() -> list[QueueRecord]:
        return await client().transport.run(reading_all(QueueRecord, "queues"))

    nothing = Nothing("jobs", (say("queue.none"), say("queue.none.note")), _closed())
    return Section("queues", ask, lambda queue: queue.name, _queue, nothing, look="tiles")


def _queue(queue: QueueRecord, _: Clocks) -> ui.element:
    with box("queue") as tile:
        words(queue.name, "queue-name")
        with box("queue-figures"):
            _figure(str(queue.queued), say("queue.queued"))
            _figure(str(queue.running), say("queue.running"))
            _figure(span(queue.oldest_queued_s) if queue.queued else "–", say("queue.oldest"))
        words(say("queue.workers", count=queue.workers), "" if queue.workers else "warn")
    return tile


def _workers() -> Section[WorkerRecord]:
    async def ask() -> list[WorkerRecord]:
        return await client().transport.run(reading_all(WorkerRecord, "workers"))

    nothing = Nothing("operators", (say("worker.none"), say("worker.none.note")), _closed())
    return Section("workers", ask, lambda worker: worker.name, _worker, nothing)


def _worker(worker: WorkerRecord, clocks: Clocks) -> ui.element:
    with box("line worker") as line:
        state_mark("alive" if worker.alive else "silent")
        with box("row-name", "span"):
            words(worker.name, "row-title", "span")
            words(f"{worker.host} · {worker.device}".strip(" ·"), "row-id", "span")
        words(", ".join(worker.queues), "row-queues", "span")
        words(say("worker.slots", running=worker.running, slots=worker.slots), "row-took", "span")
        with box("row-bar", "span"):
            if worker.memory_bytes and worker.memory_used_bytes is not None:
                words(f"{size(worker.memory_used_bytes)} / {size(worker.memory_bytes)}", "row-memory", "span")
                with box("bar", "span"):
                    share = min(1.0, worker.memory_used_bytes / worker.memory_bytes)
                    box("bar-fill", "span").style(f"width: {share:.0%}")
        clocks.words(lambda: age(worker.seen_at), "row-age")
        if worker.checkpoints:
            words(say("worker.holds", names=", ".join(worker.checkpoints)), "row-more mono", "span")
    return line


def _closed() -> tuple[str, str]:
    return say("operators.closed"), say("operators.closed.note")


def _figure(value: str, name: str) -> None:
    with box("figure"):
        words(value, "figure-value", "span")
        words(name, "figure-name", "span")
