"""Celery's pool of threads, which also says when a thread is free again.

While all are busy the loop that hears bells asks Redis for none, and by itself it looks again only once a second: slots
would be idle for so long although bells wait.
"""

from __future__ import annotations

from concurrent.futures import Future
from typing import Any

from celery.concurrency import thread
from kombu.asynchronous import get_event_loop


class TaskPool(thread.TaskPool):  # type: ignore[misc]  # celery has no types
    """Wakes the loop after each task, when the task counts no more."""

    def on_apply(self, *args: Any, **kwargs: Any) -> Any:
        applied = super().on_apply(*args, **kwargs)
        applied.f.add_done_callback(_wake)
        return applied


def _wake(_: Future[Any]) -> None:
    if loop := get_event_loop():
        loop.call_soon(_nothing)


def _nothing() -> None:
    """To be called is all that the loop needs."""
