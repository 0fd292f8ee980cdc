"""What must be so: a job as the state machine knows it, and the few rules by which an attempt ends."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, Final

from impasto.artifacts import ArtifactRef
from impasto.jobs import FINAL_STATES, MAX_RUNNER_LOSSES, MAX_WORKER_LOSSES, ClaimedJob

WORKER_LOSSES: Final = frozenset({"worker_lost", "database_lost", "engine_lost"})
RUNNER_LOSSES: Final = frozenset({"runner_lost", "out_of_memory", "no_progress"})
# A running job past its deadline is its worker's to end for so long.
WORKERS_TURN_S: Final = 30.0
_HALF_S: Final = 3600.0


@dataclass(frozen=True)
class Attempt:
    """A job in somebody's hands, perhaps no longer by right; its artifact tells its result from all others."""

    job: ClaimedJob
    worker: str
    instance: str
    artifact: ArtifactRef

    def __repr__(self) -> str:
        return f"<attempt {self.job.epoch} at {self.job.id} by {self.worker}.{self.instance}>"


@dataclass(frozen=True)
class Charge:
    """Seconds that an attempt held its slot, until a time; they fade by half in an hour, while it runs as well."""

    seconds: float
    at: float

    def left(self, now: float) -> float:
        used_s = _HALF_S / math.log(2) * (1 - 0.5 ** (self.seconds / _HALF_S))
        return float(used_s * 0.5 ** (max(0.0, now - self.at) / _HALF_S))


@dataclass
class Known:
    """One job. Times are seconds of the moved clock."""

    id: str
    tenant: str
    shape: str
    affinity: str
    start_in_s: float | None = None
    finish_in_s: float | None = None
    start_by: float | None = None
    finish_by: float | None = None
    state: str = "queued"
    code: str | None = None
    epoch: int = 0
    attempts: int = 0
    worker_losses: int = 0
    runner_losses: int = 0
    cancel_requested: bool = False
    retry: str | None = None
    attempt: Attempt | None = None
    claimed_at: float = 0.0
    lease_until: float = 0.0
    charges: list[Charge] = field(default_factory=list)
    winner: Attempt | None = None
    row: dict[str, Any] | None = None

    @property
    def ended(self) -> bool:
        return self.state in FINAL_STATES

    def is_held_by(self, attempt: Attempt) -> bool:
        return self.state == "running" and self.epoch == attempt.job.epoch

    def start(self, attempt: Attempt, now: float, lease_s: float) -> None:
        assert self.state == "queued", f"{self.id} was claimed while it was {self.state}"
        assert attempt.job.epoch == self.epoch + 1
        assert attempt.job.attempt == self.attempts + 1
        self.state, self.attempt, self.epoch, self.attempts = "running", attempt, self.epoch + 1, self.attempts + 1
        self.claimed_at, self.lease_until = now, now + lease_s

    def end(self, state: str, code: str | None, now: float) -> None:
        if self.state == "running":
            self.charges.append(Charge(now - self.claimed_at, now))
        self.state, self.code, self.attempt = state, code, None

    def lose(self, cause: str, now: float) -> None:
        """An attempt ends without a result."""
        self.worker_losses += cause in WORKER_LOSSES
        self.runner_losses += cause in RUNNER_LOSSES
        self.attempts -= cause == "drained"
        if self.cancel_requested:
            self.end("canceled", "canceled", now)
        elif self.worker_losses >= MAX_WORKER_LOSSES:
            self.end("failed", "worker_lost", now)
        elif self.runner_losses >= MAX_RUNNER_LOSSES:
            self.end("failed", cause if cause in {"out_of_memory", "no_progress"} else "runner_killed", now)
        else:
            self.end("queued", None, now)

    def sweep(self, now: float, at: float) -> None:
        """What the reconciler does to it at the time `at`; `now` is when its use ends."""
        overdue_at = None if self.finish_by is None else self.finish_by + WORKERS_TURN_S * (self.state == "running")
        if overdue_at is not None and overdue_at < at:
            self.end("failed", "deadline_missed", now)
        elif self.state == "queued" and self.epoch == 0 and self.start_by is not None and self.start_by < at:
            self.end("failed", "start_missed", now)
        elif self.state == "running" and self.lease_until < at:
            self.lose("worker_lost", now)
