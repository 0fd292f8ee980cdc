"""What the supervisor tells the commands: one file, written whole; and the lock that says whether it lives."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from impasto.embedded.files import read_json, write_json
from impasto.embedded.processes import Mark, boot_id, started_at_ticks


@dataclass(slots=True)
class PartState:
    """`status`: waiting, starting, ready, done, failed, backoff, stopping or stopped; `since` in seconds since 1970."""

    status: str = "waiting"
    since: float = 0.0
    pid: int | None = None
    ticks: int | None = None
    restarts: int = 0
    failures: int = 0
    exit_code: int | None = None
    optional: bool = False
    once: bool = False

    @property
    def mark(self) -> Mark | None:
        return Mark(self.pid, self.ticks) if self.pid and self.ticks is not None else None

    @property
    def well(self) -> bool:
        return self.status in ("ready", "done")


@dataclass(slots=True)
class State:
    """The whole platform. `boot`: the start of the machine these processes belong to."""

    supervisor: Mark
    boot: str
    started: float
    about: dict[str, Any] = field(default_factory=dict)
    parts: dict[str, PartState] = field(default_factory=dict)
    stopping: bool = False

    @property
    def ready(self) -> bool:
        return not self.stopping and all(part.well or part.optional for part in self.parts.values())

    def write(self, path: Path) -> None:
        slots = PartState.__slots__
        parts = {name: {slot: getattr(part, slot) for slot in slots} for name, part in self.parts.items()}
        supervisor = {"pid": self.supervisor.pid, "ticks": self.supervisor.ticks}
        record = {"supervisor": supervisor, "boot": self.boot, "started": self.started, "about": self.about}
        write_json(path, {**record, "ready": self.ready, "stopping": self.stopping, "parts": parts})

    @classmethod
    def read(cls, path: Path) -> State | None:
        """The state last written; None when there is none or it is of another format."""
        record = read_json(path)
        try:
            parts = {name: PartState(**values) for name, values in record["parts"].items()}
            mark, stopping = Mark(**record["supervisor"]), bool(record["stopping"])
            return cls(mark, record["boot"], record["started"], record["about"], parts, stopping)
        except (KeyError, TypeError, AttributeError):
            return None

    def left_over(self) -> list[Mark]:
        """The parts' processes since this start of the machine, for a supervisor that finds its predecessor dead.

        One that was killed is among them: its children, or its zombie, may be there still.
        """
        if self.boot != boot_id():
            return []
        return [mark for part in self.parts.values() if (mark := part.mark)]


def own_mark() -> Mark:
    ticks = started_at_ticks(os.getpid())
    assert ticks is not None
    return Mark(os.getpid(), ticks)


@contextmanager
def held(lock: Path) -> Iterator[bool]:
    """Holds the supervisor's lock, if it is free; says whether it was. The kernel frees it with the process."""
    with lock.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        yield True


def is_held(lock: Path) -> bool:
    """Whether a supervisor lives."""
    if not lock.exists():
        return False
    with held(lock) as got:
        return not got
