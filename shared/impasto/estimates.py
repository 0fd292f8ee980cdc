"""Estimates of waiting: what was measured lately, and a queue played through with it; pure.

Nothing is invented. What has not run often enough has no history, and what needs it is unknown.
"""

from __future__ import annotations

import heapq
import math
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from pydantic import BaseModel, Field

# Fewer runs than this are no history.
FEWEST_RUNS: Final = 5
# What a running attempt is charged at least, when it is decided whose turn it is.
_CHARGE_S: Final = 5.0
# More plays where they are short.
_FEWEST_PLAYS, _MOST_PLAYS, _MOST_STEPS = 20, 100, 40_000
# Longer queues are played in so many portions.
_MOST_TURNS: Final = 150
_LOW, _HIGH = 0.1, 0.9


class Interval(BaseModel):
    """Seconds between which eight of ten lie: the 10th and the 90th percentile."""

    p10: float
    p90: float

    @classmethod
    def of(cls, low_s: float, high_s: float) -> Interval:
        return cls(p10=round(max(0.0, low_s), 2), p90=round(max(0.0, high_s), 2))


class QueuePosition(BaseModel):
    """Where in the queue, counted from 1, over all queues of the workers that can run the job.

    `at_least`: after the tenant's own jobs that go before it. `about`: as the turns of tenants are likely to fall.
    `at_most`: after all that wait now. Who comes later may still go before, by priority or as another tenant.
    """

    at_least: int
    about: int
    at_most: int


class QueueEstimate(BaseModel):
    """A queued job's place and times, as things are now; times are null where there is no history to tell them from."""

    position: QueuePosition
    slots: int = Field(description="Jobs of its shape that live workers can run at once.")
    start_in_s: Interval | None = None
    end_in_s: Interval | None = None


@dataclass(frozen=True, slots=True)
class History:
    """How long runs took: their count, and quantiles in equal steps from the shortest to the longest."""

    runs: int
    quantiles: tuple[float, ...]

    def at(self, level: float) -> float:
        """Seconds that this share of the runs took at most."""
        place = min(max(level, 0.0), 1.0) * (len(self.quantiles) - 1)
        below = int(place)
        above = min(below + 1, len(self.quantiles) - 1)
        return self.quantiles[below] + (self.quantiles[above] - self.quantiles[below]) * (place - below)

    def level(self, seconds: float) -> float:
        """The share of the runs that took less."""
        return sum(value < seconds for value in self.quantiles) / len(self.quantiles)

    def interval(self) -> Interval:
        """Wider than the quantiles themselves, as few runs say little of the next."""
        doubt = 0.5 * math.sqrt(_LOW * _HIGH / self.runs)
        return Interval.of(self.at(_LOW - doubt), self.at(_HIGH + doubt))

    @property
    def mean_s(self) -> float:
        return sum(self.quantiles) / len(self.quantiles)

    @property
    def spread_s(self) -> float:
        mean = self.mean_s
        return math.sqrt(sum((value - mean) ** 2 for value in self.quantiles) / len(self.quantiles))


@dataclass(frozen=True, slots=True)
class Running:
    """A job that runs: how long it has, the history of its kind, and a number for whose it is."""

    elapsed_s: float
    history: History | None
    tenant: int = 0


@dataclass(frozen=True, slots=True)
class WorkerLoad:
    """A live worker that can run the job: its slots for the job's shape, and what runs, of that shape and of others."""

    slots: int
    same: tuple[Running, ...] = ()
    others: tuple[Running, ...] = ()


@dataclass(frozen=True, slots=True)
class Line:
    """What of one tenant waits before the job, by the histories of kinds, and what it has used of slots lately.

    `used_s` does not count what runs on the workers that can run the job.
    """

    used_s: float
    jobs: tuple[tuple[int, History | None], ...] = ()
    tenant: int = 0

    @property
    def count(self) -> int:
        return sum(count for count, _ in self.jobs)

    @property
    def mean_s(self) -> float:
        known = [(count, history.mean_s) for count, history in self.jobs if history]
        total = sum(count for count, _ in known)
        return sum(count * mean for count, mean in known) / total if total else _CHARGE_S


@dataclass(frozen=True, slots=True)
class Outlook:
    """All that decides when a job starts. `own_cap`: how many of the tenant's jobs may run at once, if limited."""

    workers: tuple[WorkerLoad, ...]
    own: Line
    others: tuple[Line, ...] = ()
    own_cap: int | None = None
    not_before_s: float = 0.0
    run: History | None = None

    @property
    def slots(self) -> int:
        return sum(worker.slots for worker in self.workers)


def estimate(outlook: Outlook, seed: str = "") -> QueueEstimate:
    """The place in the queue, and the times from playing the queue through many times."""
    own = outlook.own.count
    about = own + sum(_turns_of(line, outlook.own) for line in outlook.others)
    at_most = own + sum(line.count for line in outlook.others)
    position = QueuePosition(at_least=1 + own, about=1 + about, at_most=1 + at_most)
    told = QueueEstimate(position=position, slots=outlook.slots)
    if not outlook.slots or outlook.own_cap == 0:
        return told
    chance = random.Random(seed)  # noqa: S311  the same question is answered alike
    portion = math.ceil((about + 1) / _MOST_TURNS)
    plays = min(_MOST_PLAYS, max(_FEWEST_PLAYS, _MOST_STEPS // ((about // portion + 1) * (1 + len(outlook.others)))))
    starts = sorted(_Play(outlook, chance, portion).start_s() for _ in range(plays))
    told.start_in_s = _between(starts)
    if outlook.run and told.start_in_s:
        run = outlook.run
        told.end_in_s = _between(sorted(start + _drawn(run, chance, _doubt(run, chance)) for start in starts))
    return told


def _between(values: Sequence[float]) -> Interval | None:
    low, high = values[int(_LOW * len(values))], values[int(_HIGH * len(values))]
    return Interval.of(low, high) if math.isfinite(high) else None


def _turns_of(line: Line, own: Line) -> int:
    """About how many jobs of another tenant come before ours: who has used least goes first."""
    ours_s = own.used_s + own.count * own.mean_s
    return min(line.count, max(0, math.floor((ours_s - line.used_s) / max(line.mean_s, 0.01) + 1.0)))


def _doubt(history: History, chance: random.Random) -> float:
    """How far this play's distribution is from the measured one, in standard errors."""
    return chance.gauss(0.0, 1.0) / math.sqrt(history.runs)


def _drawn(history: History, chance: random.Random, doubt: float, above: float = 0.0) -> float:
    """A run's length; `above` is the share of runs that are shorter than it must be."""
    level = above + (1.0 - above) * chance.random()
    return history.at(level + doubt * math.sqrt(max(level * (1.0 - level), 0.0)))


@dataclass(slots=True)
class _Turns:
    """A tenant in a play: what it has left, what it has used, and since when its jobs run."""

    line: Line
    left: int
    used_s: float
    running: list[float] = field(default_factory=list)

    def standing_s(self, at_s: float) -> float:
        return self.used_s + sum(max(_CHARGE_S, at_s - began_s) for began_s in self.running)


class _Play:
    """One way in which it may go: as slots become free, whose use is least takes them."""

    def __init__(self, outlook: Outlook, chance: random.Random, portion: int) -> None:
        self._outlook, self._chance, self._portion = outlook, chance, portion
        self._doubts: dict[int, float] = {}
        # Ours is the last of our own.
        self._own = self._turns(outlook.own, 1)
        self._tenants = [self._own, *(self._turns(line) for line in outlook.others)]
        self._by_tenant = {turns.line.tenant: turns for turns in self._tenants}
        # When a slot is free, whose job has it until then, and since when.
        self._slots: list[tuple[float, int, _Turns | None, float]] = []

    def start_s(self) -> float:
        """When ours starts."""
        for worker in self._outlook.workers:
            self._fill(worker)
        heapq.heapify(self._slots)
        while True:
            at_s, number, had, began_s = self._slots[0]
            if math.isinf(at_s):
                return at_s
            if had is not None:
                had.used_s += at_s - began_s
                had.running.remove(began_s)
            free = (turns for turns in self._tenants if turns.left and self._may(turns))
            turns = min(free, key=lambda each: (each.standing_s(at_s), self._chance.random()), default=None)
            if turns is None:
                # All that is left is ours, and as many of ours run as may.
                heapq.heapreplace(self._slots, (self._next_end_s(), number, None, at_s))
                continue
            if turns is self._own and turns.left == 1:
                return max(at_s, self._outlook.not_before_s)
            turns.left -= 1
            turns.running.append(at_s)
            heapq.heapreplace(self._slots, (at_s + self._length_s(turns.line), number, turns, at_s))

    def _turns(self, line: Line, more: int = 0) -> _Turns:
        return _Turns(line, math.ceil(line.count / self._portion) + more, line.used_s)

    def _may(self, turns: _Turns) -> bool:
        cap = self._outlook.own_cap
        return turns is not self._own or cap is None or len(turns.running) < cap

    def _next_end_s(self) -> float:
        return min((at for at, _, had, _ in self._slots[1:] if had is self._own), default=math.inf)

    def _fill(self, worker: WorkerLoad) -> None:
        """What runs on a worker now."""
        # One shape at a time has a device: what is of another must end first.
        begins = max(map(self._remaining_s, worker.others), default=0.0)
        for running in worker.same[: worker.slots]:
            turns = self._by_tenant.get(running.tenant)
            if turns is not None:
                turns.running.append(-running.elapsed_s)
            self._add(self._remaining_s(running), turns, -running.elapsed_s)
        for _ in range(worker.slots - len(worker.same)):
            self._add(begins, None, 0.0)

    def _add(self, free_s: float, turns: _Turns | None, began_s: float) -> None:
        self._slots.append((free_s, len(self._slots), turns, began_s))

    def _length_s(self, line: Line) -> float:
        histories = [history for _, history in line.jobs]
        history = self._chance.choices(histories, [count for count, _ in line.jobs])[0]
        if history is None:
            return math.inf
        if self._portion == 1:
            return _drawn(history, self._chance, self._doubt(history))
        # So many together are nearly normal.
        mean = history.mean_s + self._doubt(history) * history.spread_s
        spread = math.sqrt(self._portion) * history.spread_s
        return max(0.0, self._portion * mean + spread * self._chance.gauss(0.0, 1.0))

    def _remaining_s(self, running: Running) -> float:
        if running.history is None:
            return math.inf
        shorter = running.history.level(running.elapsed_s)
        if shorter >= 1.0:
            # Longer than all before it: what has run for long is likely to run for as long again.
            return running.elapsed_s * self._chance.random()
        whole = _drawn(running.history, self._chance, self._doubt(running.history), shorter)
        return max(0.0, whole - running.elapsed_s)

    def _doubt(self, history: History) -> float:
        return self._doubts.setdefault(id(history), _doubt(history, self._chance))
