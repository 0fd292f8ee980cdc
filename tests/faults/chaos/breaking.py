"""What is broken, when, and how it is mended again."""

from __future__ import annotations

import random
import signal
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from tests.faults.chaos.scene import Place, Scene

EVERY_S: Final = 3.0
# Longer than the lease of 30 s.
_PAUSE_S: Final = 36.0
_OUTAGE_S: Final = (5.0, 20.0)
# Between two outages: time for what the first one held up.
_BREATH_S: Final = 12.0
OUTAGE_EVERY_S: Final = sum(_OUTAGE_S) / 2 + _BREATH_S


@dataclass
class Fault:
    """Something that was broken: what, whose, and from when to when (seconds since 1970)."""

    kind: str
    whom: str
    began_at: float
    ended_at: float | None = None


@dataclass
class Breaking:
    """Breaks what it is told to, and mends it when its time has come."""

    scene: Scene
    chance: random.Random
    faults: list[Fault] = field(default_factory=list)
    outage: Fault | None = None
    _due: list[tuple[float, Callable[[], None]]] = field(default_factory=list)

    def process_fault(self, kind: str) -> bool:
        """False, and nothing broken, if nobody is there for it now."""
        role = {"gateway_killed": "gateway", "reconciler_killed": "reconciler"}.get(kind, "worker")
        places = self.scene.of(role)
        if kind == "runner_killed":
            places = [place for place in places if place.runners()]
        if not places or (kind in _LEAVE_ONE and len(places) < 2):
            return False
        # Rather one that has something to lose.
        busy = self.scene.busy() if role == "worker" else set()
        place = self.chance.choice([place for place in places if place.name in busy] or places)
        fault = Fault(kind, place.name, time.time())
        self.faults.append(fault)
        getattr(self, f"_{kind}")(place, fault)
        return True

    def begin_outage(self, kind: str) -> None:
        lasts_s = self.chance.uniform(*_OUTAGE_S)
        fault = self.outage = Fault(kind, kind.partition("_")[0], time.time())
        self.faults.append(fault)
        begin, mend = {
            "redis_silent": (self.scene.redis.black_hole, self.scene.redis.heal),
            "redis_killed": (lambda: self.scene.servers.kill("redis"), lambda: self.scene.servers.resume("redis")),
            "postgres_stopped": (
                lambda: self.scene.servers.halt("postgres"),
                lambda: self.scene.servers.resume("postgres"),
            ),
            "s3_stopped": (lambda: self.scene.servers.halt("s3"), lambda: self.scene.servers.resume("s3")),
        }[kind]
        begin()

        def end() -> None:
            mend()
            fault.ended_at = time.time()
            self._due.append((time.monotonic() + _BREATH_S, self._breathe))

        self._due.append((time.monotonic() + lasts_s, end))

    def tend(self) -> None:
        """Mends what is due."""
        now = time.monotonic()
        due, self._due = [d for d in self._due if d[0] <= now], [d for d in self._due if d[0] > now]
        for _, mend in due:
            mend()

    def mend_all(self) -> None:
        for _, mend in self._due:
            mend()
        self._due = []

    def _breathe(self) -> None:
        self.outage = None

    def _worker_killed(self, place: Place, fault: Fault) -> None:
        place.kill()

    _gateway_killed = _reconciler_killed = _worker_killed

    def _host_lost(self, place: Place, fault: Fault) -> None:
        """Nobody takes its name again; another host comes."""
        place.kill()
        self.scene.places.remove(place)
        self.scene.new_host()

    def _runner_killed(self, place: Place, fault: Fault) -> None:
        runners = place.runners()
        if runners:
            self.chance.choice(runners).kill()

    def _worker_drained(self, place: Place, fault: Fault) -> None:
        place.leaving = True
        place.process.signal(signal.SIGTERM)

    def _worker_paused(self, place: Place, fault: Fault) -> None:
        place.paused = True
        place.process.signal(signal.SIGSTOP)

        def go_on() -> None:
            place.process.signal(signal.SIGCONT)
            place.paused, fault.ended_at = False, time.time()

        self._due.append((time.monotonic() + _PAUSE_S, go_on))


PROCESS_FAULTS: Final = (
    "worker_killed",
    "host_lost",
    "worker_paused",
    "worker_drained",
    "runner_killed",
    "gateway_killed",
    "reconciler_killed",
)
OUTAGES: Final = ("redis_silent", "redis_killed", "postgres_stopped", "s3_stopped")
# Of these at least one goes on.
_LEAVE_ONE: Final = frozenset({"host_lost", "worker_paused", "gateway_killed"})


def plan(faults: int, chance: random.Random) -> tuple[list[str], list[str]]:
    """Process faults and outages, each kind as often as it has to be and the rest by chance; in any order."""
    outages = [kind for kind in OUTAGES for _ in range(max(1, faults // 40))]
    processes = [kind for kind in PROCESS_FAULTS for _ in range(max(1, faults // 20))]
    while len(processes) + len(outages) < faults:
        processes.append(chance.choice([kind for kind in PROCESS_FAULTS if kind != "worker_paused"]))
    chance.shuffle(processes)
    chance.shuffle(outages)
    return processes, outages


def counted(faults: list[Fault]) -> Counter[str]:
    return Counter(fault.kind for fault in faults)
