"""`/operators`: queues, workers and deliveries, for whoever keeps the platform running."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

from nicegui import ui
from starlette.responses import RedirectResponse

from impasto.errors import AccessDenied, ImpastoError, NotFound
from impasto_studio.asking import listing, reading_all, replaying
from impasto_studio.entrance import guard
from impasto_studio.parts import client
from impasto_studio.pieces.ages import age, size, span
from impasto_studio.pieces.basic import box, button, words
from impasto_studio.pieces.jobs import state_mark
from impasto_studio.pieces.states import bones, empty, fault, good, signed_out, tell
from impasto_studio.records import DeliveryRecord, QueueRecord, WorkerRecord
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
        sections = [_Section("queues", _queues), _Section("workers", _workers), _Section("deliveries", _deliveries)]
    await ui.context.client.connected()

    async def load() -> None:
        for section in sections:
            await section.load()

    await load()
    ui.timer(_AGAIN_S, load)
    return None


class _Section:
    """A heading and a list. One that this platform or this key does not have is told as such, and hurts no other."""

    def __init__(
        self, name: str, ask: Callable[[Callable[[], Awaitable[None]]], Awaitable[Callable[[], None]]]
    ) -> None:
        self._name, self._ask = name, ask
        with box("section", "section"):
            words(say(f"operators.{name}"), "heading")
            self._place = box("rows-place")
            with self._place:
                bones(2, "bone row-bone")

    async def load(self) -> None:
        """Asks anew."""
        try:
            draw = await self._ask(self.load)
        except ImpastoError as error:
            if signed_out(error):
                return
            draw = _why_not(self._name, error, self.load)
        self._place.clear()
        with self._place:
            draw()


def _why_not(name: str, error: ImpastoError, again: Callable[[], Awaitable[None]]) -> Callable[[], None]:
    if isinstance(error, NotFound):
        return lambda: empty(say("operators.absent"), say("operators.absent.note"), "operators")
    if isinstance(error, AccessDenied):
        return lambda: empty(say("operators.closed"), say("operators.closed.note"), "operators")
    return lambda: fault(error, again)


async def _queues(again: object) -> Callable[[], None]:
    found = await client().transport.run(reading_all(QueueRecord, "queues"))

    def draw() -> None:
        with box("tiles"):
            for queue in found:
                with box("queue"):
                    words(queue.name, "queue-name")
                    with box("queue-figures"):
                        _figure(str(queue.queued), say("queue.queued"))
                        _figure(str(queue.running), say("queue.running"))
                        _figure(span(queue.oldest_queued_s) if queue.queued else "–", say("queue.oldest"))
                    words(say("queue.workers", count=queue.workers), "" if queue.workers else "warn")
        if not found:
            empty(say("queue.none"), say("queue.none.note"), "jobs")

    return draw


async def _workers(again: object) -> Callable[[], None]:
    found = await client().transport.run(reading_all(WorkerRecord, "workers"))

    def draw() -> None:
        with box("rows"):
            for worker in found:
                _worker(worker)
        if not found:
            empty(say("worker.none"), say("worker.none.note"), "operators")

    return draw


def _worker(worker: WorkerRecord) -> None:
    with box("line worker"):
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
        words(age(worker.seen_at), "row-age", "span")
        if worker.checkpoints:
            words(say("worker.holds", names=", ".join(worker.checkpoints)), "row-more mono", "span")


async def _deliveries(again: Callable[[], Awaitable[None]]) -> Callable[[], None]:
    found = await client().transport.run(listing(DeliveryRecord, "webhooks", "deliveries", limit=50))

    def draw() -> None:
        with box("rows"):
            for delivery in found:
                _delivery(delivery, again)
        if not found:
            empty(say("delivery.none"), say("delivery.none.note"), "send")

    return draw


def _delivery(delivery: DeliveryRecord, again: Callable[[], Awaitable[None]]) -> None:
    async def replay() -> None:
        try:
            await client().transport.run(replaying(delivery.id))
        except ImpastoError as error:
            tell(error)
            return
        good(say("delivery.replayed"))
        await again()

    with box("line delivery"):
        state_mark(delivery.state)
        with box("row-name", "span"):
            words(delivery.type, "row-title", "span")
            words(delivery.endpoint_id, "row-id mono", "span")
        words(say("delivery.attempt", count=delivery.attempt), "row-took", "span")
        answer = [str(delivery.status or ""), f"{delivery.ms:.0f} ms" if delivery.ms is not None else ""]
        words(" · ".join(filter(None, answer)) or "–", "row-took wide", "span")
        words(age(delivery.created_at), "row-age", "span")
        button(say("delivery.replay"), replay, look="quiet small", image="again")


def _figure(value: str, name: str) -> None:
    with box("figure"):
        words(value, "figure-value", "span")
        words(name, "figure-name", "span")
