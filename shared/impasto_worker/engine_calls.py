"""A job inside the engine's child: what is still to draw, what is being drawn, what has been told of it."""

from __future__ import annotations

import time
from collections import Counter as Count
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from PIL import Image

from impasto_worker.engine_orders import DrawOrder
from impasto_worker.runner_child import Report


@dataclass(slots=True, eq=False)
class Running:
    """One drawing between two steps; `index` is its place in the order, `size_bytes` what it needs, by estimate."""

    call: Call
    index: int
    drawing: Any
    size_bytes: int = 0


@dataclass(slots=True, eq=False)
class Call:
    """One job. The loop owns it, except for `sheet` and `written`, which are the picture writer's.

    `bound`: what its log lines have in common.
    `turn` orders its running drawings: the next to be advanced comes first. `begun_at`: from when its checkpoint was
    its to use. `starved`: there was no room for that checkpoint. `served`: the number of the last step it had part in.
    """

    id: str
    order: DrawOrder
    report: Report
    bound: dict[str, Any] = field(default_factory=dict)
    arrived_at: float = field(default_factory=time.monotonic)
    begun_at: float | None = None
    starved: bool = False
    served: int = 0
    pending: deque[int] = field(default_factory=deque)
    turn: deque[Running] = field(default_factory=deque)
    finished: int = 0
    left: bool = False
    next_preview_at: float = 0.0
    sheet: dict[int, Image.Image] = field(default_factory=dict)
    written: dict[int, dict[str, Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.pending.extend(range(len(self.order.requests)))

    @property
    def key(self) -> str:
        return self.order.checkpoint.key

    @property
    def active(self) -> bool:
        """Something of it is still to be drawn."""
        return bool(self.pending or self.turn)

    def tell(self) -> None:
        """Reports how far it is, over all its drawings."""
        count = len(self.order.requests)
        done = self.finished + sum(r.drawing.step / max(1, r.drawing.steps) for r in self.turn)
        step = sum(r.drawing.step for r in self.turn) if count == 1 else self.finished
        steps = sum(r.drawing.steps for r in self.turn) if count == 1 else count
        self.report(min(1.0, done / count), "drawing", step=step, steps=steps)


def next_to_admit(calls: Iterable[Call], width_of: Callable[[str], int]) -> list[Call]:
    """Who may begin another drawing, in this order: whoever draws least, then whoever came first.

    The batch of a checkpoint is `width_of(key)` wide; beyond that, up to twice as much, only a job that draws nothing
    yet gets a place: a single picture does not wait for a grid of sixty-four.
    """
    calls = list(calls)
    running: Count[str] = Count()
    for call in calls:
        running[call.key] += len(call.turn)

    def fits(call: Call) -> bool:
        width, used = width_of(call.key), running[call.key]
        return used < width or (not call.turn and used < 2 * width)

    return sorted((c for c in calls if c.pending and fits(c)), key=lambda c: (len(c.turn), c.arrived_at))


def choose_batch(calls: Iterable[Call], width: int, step: int) -> list[Running]:
    """The drawings to advance together in this step: one of each call in turn, until `width` are chosen.

    Those left out come first the next time.
    """
    chosen: list[Running] = []
    rounds = [deque(r for r in call.turn if not r.drawing.done) for call in sorted(calls, key=lambda c: c.served)]
    while len(chosen) < width and any(rounds):
        for queue in rounds:
            if queue and len(chosen) < width:
                chosen.append(queue.popleft())
    for running in chosen:
        running.call.turn.remove(running)
        running.call.turn.append(running)
        running.call.served = step
    return chosen
