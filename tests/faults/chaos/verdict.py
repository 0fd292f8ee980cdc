"""What became of the jobs: by the database, and by a ledger that knows nothing of it."""

from __future__ import annotations

import hashlib
import statistics
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from impasto.testing.stacks import Stack
from tests.faults.chaos.breaking import OUTAGES, Fault

_EVENTS: Final = """
SELECT job_id, type, extract(epoch FROM occurred_at)::float, data->>'worker', data->>'cause', data->>'code'
FROM job_events ORDER BY job_id, number
"""
_ENDS: Final = frozenset({"job.succeeded", "job.failed", "job.canceled"})
_ROWS: Final = """
SELECT id, params->>'text', state, error_code, attempts, params->>'then' = 'say', result->'artifact'->>'sha256'
FROM jobs
"""
# A start that comes so long after something was mended has nothing to do with it.
_LONG_S: Final = 120.0
_GRACE_S: Final = 15.0


@dataclass
class Event:
    type: str
    at: float
    worker: str | None
    cause: str | None
    code: str | None


@dataclass
class Verdict:
    """`lost`: accepted, and not ended or ended badly though nothing was wrong with it. `doubled`: more than one of
    anything of which there must be one."""

    accepted: int = 0
    ended: int = 0
    lost: int = 0
    doubled: int = 0
    late_refused: int = 0
    faults: int = 0
    given_up: int = 0
    most_attempts: int = 0
    complaints: list[str] = field(default_factory=list)
    recovery: dict[str, dict[str, float]] = field(default_factory=dict)

    @property
    def good(self) -> bool:
        return not (self.lost or self.doubled or self.given_up) and self.ended == self.accepted


def judge(stack: Stack, accepted: dict[str, str], given_up: list[str], ledger: Path, faults: list[Fault]) -> Verdict:
    """Looks at every job that was accepted, and at every one that is there."""
    verdict = Verdict(accepted=len(accepted), faults=len(faults), given_up=len(given_up), complaints=list(given_up))
    events = _events(stack)
    rows = {row[0]: row[1:] for row in stack.sql(_ROWS)}
    by_words = defaultdict(list)
    for job_id, (words, *_) in rows.items():
        by_words[words].append(job_id)
    visible = {sha for (sha,) in stack.sql("SELECT sha256 FROM artifacts WHERE published_at IS NOT NULL")}
    edges = dict(stack.sql("SELECT job_id, count(*) FROM lineage_edges GROUP BY job_id"))
    computed = _computed(ledger)
    for words, job_id in accepted.items():
        words_are, state, code, attempts, says, said = rows.get(job_id, (None, "missing", None, 0, False, None))
        told = events.get(job_id, [])
        verdict.ended += state in {"succeeded", "failed", "canceled"}
        verdict.most_attempts = max(verdict.most_attempts, attempts)
        if state != "succeeded" or words_are != words:
            verdict.lost += 1
            story = " ".join(f"{e.type[4:]}:{e.worker or e.cause or e.code or ''}" for e in told)
            verdict.complaints.append(f"{job_id} is {state} {code or ''}: {story}")
        shown = {said} if says else visible
        results = [text for text in computed[words] if hashlib.sha256(text.encode()).hexdigest() in shown]
        finals = [event.type for event in told if event.type in _ENDS]
        if len(by_words[words]) > 1 or len(results) > 1 or len(finals) > 1 or edges.get(job_id, 0) > 1:
            verdict.doubled += 1
            verdict.complaints.append(f"{job_id}: {by_words[words]}, results {results}, ends {finals}")
        elif state == "succeeded" and not (len(results) == len(finals) == 1 == edges.get(job_id, 0) + says):
            verdict.lost += 1
            verdict.complaints.append(f"{job_id} succeeded without its result: {results}, {finals}")
    verdict.late_refused = sum(_refused(log) for log in stack.folder.glob("impasto_worker-*.log"))
    verdict.recovery = _recoveries(events, faults)
    return verdict


def _computed(ledger: Path) -> defaultdict[str, list[str]]:
    """What every attempt made, by the words of its job."""
    made: defaultdict[str, list[str]] = defaultdict(list)
    for line in ledger.read_text().splitlines() if ledger.exists() else ():
        made[line.rpartition(" ")[0]].append(line)
    return made


def _refused(log: Path) -> int:
    text = log.read_text(errors="replace")
    return text.count(" late_result_refused in ") + text.count(" lease_lost in ")


def _events(stack: Stack) -> dict[str, list[Event]]:
    events = defaultdict(list)
    for job_id, *rest in stack.sql(_EVENTS):
        events[job_id].append(Event(*rest))
    return events


def _recoveries(events: dict[str, list[Event]], faults: list[Fault]) -> dict[str, dict[str, float]]:
    """For each kind of fault: seconds from it to the next start of the jobs that it interrupted; for an outage from
    its end to the first start of a job that had to wait."""
    seconds: defaultdict[str, list[float]] = defaultdict(list)
    for fault in faults:
        if fault.kind in _INTERRUPTS:
            for told in events.values():
                if (found := _restart_s(told, fault)) is not None:
                    alone = not any(_stood_in_the_way(other, fault, found) for other in faults)
                    seconds[fault.kind if alone else f"{fault.kind}, beside an outage"].append(found)
        elif fault.ended_at and fault.kind.partition("_")[0] in {"redis", "postgres", "s3"}:
            ended_at = fault.ended_at
            starts = [s for told in events.values() if (s := _first_start_s(told, ended_at)) is not None]
            seconds[fault.kind] += [min(starts)] if starts else []
    return {kind: _spread(found) for kind, found in sorted(seconds.items())}


_INTERRUPTS: Final = {
    "worker_killed": "worker_lost",
    "host_lost": "worker_lost",
    "worker_paused": "worker_lost",
    "worker_drained": "drained",
    "runner_killed": "runner_lost",
}


def _stood_in_the_way(other: Fault, fault: Fault, until_s: float) -> bool:
    """Whether something was away that the restart needed: a server, and for as long as no lease expires after it, or
    a reconciler, since the next one gives the same grace to all."""
    if other.kind not in {*OUTAGES, "reconciler_killed"}:
        return False
    over_at = (other.ended_at or other.began_at) + _GRACE_S
    return other.began_at < fault.began_at + until_s and fault.began_at < over_at


def _restart_s(told: list[Event], fault: Fault) -> float | None:
    """Until this job's next start, if the fault took its attempt from it."""
    held = False
    for place, event in enumerate(told):
        if event.at <= fault.began_at:
            held = event.type == "job.started" and event.worker == fault.whom
        elif held and event.type == "job.requeued" and event.cause == _INTERRUPTS[fault.kind]:
            again = next((later for later in told[place:] if later.type == "job.started"), None)
            return again.at - fault.began_at if again else None
        else:
            return None
    return None


def _first_start_s(told: list[Event], at: float) -> float | None:
    waits = False
    for event in told:
        if event.at <= at:
            waits = event.type in {"job.queued", "job.requeued"}
        elif event.type == "job.started":
            return event.at - at if event.at - at < _LONG_S and waits else None
        elif event.type in _ENDS:
            return None
    return None


def _spread(found: list[float]) -> dict[str, float]:
    if not found:
        return {"jobs": 0}
    ordered = sorted(found)
    return {
        "jobs": len(ordered),
        "p50_s": round(statistics.median(ordered), 2),
        "p95_s": round(ordered[min(len(ordered) - 1, int(0.95 * len(ordered)))], 2),
        "max_s": round(ordered[-1], 2),
    }


def as_time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds).strftime("%H:%M:%S")


def as_record(verdict: Verdict, about: dict[str, Any]) -> dict[str, Any]:
    counts = ("accepted", "ended", "lost", "doubled", "late_refused", "faults")
    return {
        **{name: getattr(verdict, name) for name in counts},
        "most_attempts": verdict.most_attempts,
        "recovery": verdict.recovery,
        **about,
    }
