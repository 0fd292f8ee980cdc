"""Queues and workers as an operator sees them: of the platform, not of a tenant."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from pydantic import BaseModel, computed_field

# A worker tells that it lives at least every five seconds; one that missed six times is away.
ALIVE_S: Final = 30.0


@dataclass(frozen=True, slots=True)
class Holding:
    """What a worker holds at this moment. Memory is the device's; None where nobody can tell."""

    running: int = 0
    memory_used_bytes: int | None = None
    checkpoints: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class OpenJobs:
    """How many jobs of a queue and kind are in one state, `queued` or `running`.

    `oldest_s`: seconds since the oldest could have started; None if none may start yet.
    """

    queue: str
    kind: str
    state: str
    count: int
    oldest_s: float | None


class QueueStatus(BaseModel):
    """A queue: what waits and runs in it, and who is there to take it."""

    name: str
    queued: int = 0
    running: int = 0
    oldest_queued_s: float | None = None
    workers: int = 0
    idle_workers: int = 0


class WorkerStatus(BaseModel):
    """A worker as it last told of itself. Its memory is that of its device; `checkpoints` are those it has loaded."""

    name: str
    host: str
    device: str
    queues: list[str]
    kinds: list[str]
    slots: int
    running: int
    memory_bytes: int | None = None
    memory_used_bytes: int | None = None
    checkpoints: list[str]
    started_at: datetime
    seen_at: datetime
    seen_s: float

    @computed_field(description=f"Whether it told within {ALIVE_S:g} s that it lives.")  # type: ignore[prop-decorator]
    @property
    def alive(self) -> bool:
        return self.seen_s <= ALIVE_S


def queue_statuses(jobs: Iterable[OpenJobs], workers: Iterable[WorkerStatus]) -> list[QueueStatus]:
    """Every queue that has an open job or a worker, by name."""
    found: dict[str, QueueStatus] = {}
    for some in jobs:
        status = found.setdefault(some.queue, QueueStatus(name=some.queue))
        if some.state == "running":
            status.running += some.count
            continue
        status.queued += some.count
        if some.oldest_s is not None:
            status.oldest_queued_s = max(status.oldest_queued_s or 0.0, some.oldest_s)
    for worker in workers:
        for name in worker.queues:
            status = found.setdefault(name, QueueStatus(name=name))
            status.workers += worker.alive
            status.idle_workers += worker.alive and worker.running == 0
    return [found[name] for name in sorted(found)]
