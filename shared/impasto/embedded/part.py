"""What the supervisor runs: a part is data."""

from __future__ import annotations

import signal
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from impasto.embedded.probes import Alive, Probe


@dataclass(frozen=True, slots=True)
class Account:
    """The user a part runs as, when that is not ours."""

    name: str
    uid: int
    gid: int


@dataclass(frozen=True, slots=True)
class Part:
    """One process of the platform.

    `after`: parts that must be ready first. `once`: runs to its end, and is ready when it ended well.
    `optional`: its failure stops nobody. `environment`: the whole environment of the process.
    `death_signal`: what the kernel sends it when the supervisor dies. `output`: a private file for its standard output.
    """

    name: str
    command: tuple[str, ...]
    after: tuple[str, ...] = ()
    probe: Probe = field(default_factory=Alive)
    once: bool = False
    optional: bool = False
    environment: Mapping[str, str] = field(default_factory=dict)
    stop_signal: signal.Signals = signal.SIGTERM
    death_signal: signal.Signals = signal.SIGTERM
    grace_s: float = 10.0
    ready_within_s: float = 60.0
    account: Account | None = None
    output: Path | None = None


def in_order(parts: list[Part]) -> list[Part]:
    """The parts, each behind those it needs.

    Raises:
        ValueError: two have one name, one needs a part that is not there, or they need one another.
    """
    names = [part.name for part in parts]
    if len(set(names)) != len(names):
        raise ValueError(f"two parts have the same name: {sorted(names)}")
    if missing := {need for part in parts for need in part.after} - set(names):
        raise ValueError(f"parts that are needed but not there: {sorted(missing)}")
    ordered: list[Part] = []
    while len(ordered) < len(parts):
        placed = {part.name for part in ordered}
        free = [part for part in parts if part.name not in placed and placed.issuperset(part.after)]
        if not free:
            raise ValueError(f"parts that need one another: {sorted(set(names) - placed)}")
        ordered.extend(free)
    return ordered
