"""What must hold at every moment, read from the tables."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any, Final

import pytest

from impasto.jobs import FINAL_STATES
from tests.jobs.ground import QUEUE, Ground
from tests.jobs.known import Known

_JOBS: Final = """
SELECT j.*, (SELECT json_agg(json_build_array(number, type, data) ORDER BY number) FROM job_events e
             WHERE e.job_id = j.id) AS events,
    (SELECT json_agg(substr(target, 8)) FROM lineage_edges l WHERE l.job_id = j.id) AS made
FROM jobs j
"""
_VISIBLE: Final = "SELECT sha256 FROM artifacts WHERE published_at IS NOT NULL"
_USED: Final = "SELECT tenant_id, sum(faded(used_s, used_at)) AS used_s FROM tenant_shares GROUP BY tenant_id"


def check_all(ground: Ground, known: dict[str, Known], caps: dict[str, int | None]) -> None:
    rows = {row["id"]: row for row in ground.look(_JOBS)}
    assert rows.keys() == known.keys(), "a job is lost, or one came from nowhere"
    for job in known.values():
        _check_job(job, rows[job.id])
    running = Counter(row["tenant_id"] for row in rows.values() if row["state"] == "running")
    for tenant, cap in caps.items():
        assert cap is None or running[tenant] <= cap, f"{running[tenant]} of {tenant} run, and {cap} may"
    winners = {job.winner.artifact.sha256 for job in known.values() if job.winner}
    assert {row["sha256"] for row in ground.look(_VISIBLE)} == winners, "a result is visible that did not win"
    _check_use(ground, known)


def _check_job(job: Known, row: dict[str, Any]) -> None:
    seen = (row["state"], row["error_code"], row["epoch"], row["attempts"], row["worker_losses"], row["runner_losses"])
    assert seen == (job.state, job.code, job.epoch, job.attempts, job.worker_losses, job.runner_losses), job.id
    assert (row["cancel_requested_at"] is not None) == job.cancel_requested
    assert (row["worker_instance"] if row["state"] == "running" else None) == (
        job.attempt.instance if job.attempt else None
    )
    assert (row["lease_until"] is not None) == (row["state"] == "running"), "runs without a lease"
    assert row["made"] == ([job.winner.artifact.sha256] if job.winner else None), "not exactly one result"
    assert (row["result"] is not None) == (row["state"] == "succeeded")
    _check_events(job, row)
    if job.ended:
        final = {key: value for key, value in row.items() if key != "last_checkpoint"}
        assert job.row in (None, final), "a finished job has changed"
        job.row = final


def _check_events(job: Known, row: dict[str, Any]) -> None:
    """The log alone tells the state, the epoch and the attempts."""
    events = row["events"]
    assert [number for number, _, _ in events] == list(range(1, row["last_event"] + 1)), "a gap in the log"
    state, starts, drained, asked = "", 0, 0, 0
    for _, name, data in events:
        told = name.removeprefix("job.")
        assert state not in FINAL_STATES, f"{name} after the end: {json.dumps(events)}"
        match told:
            case "queued":
                assert state == ""
            case "started":
                assert state == "queued"
                starts += 1
                assert data["attempt"] == starts - drained
            case "requeued":
                assert state == "running"
                drained += data["cause"] == "drained"
            case "cancel_requested":
                assert state == "running"
                asked += 1
                continue
            case "succeeded":
                assert state == "running"
        state = {"started": "running", "requeued": "queued"}.get(told, told)
    assert (state, starts) == (row["state"], row["epoch"]), json.dumps(events)
    # A drain that finds its job canceled costs nothing either, and the log need not tell that.
    assert row["attempts"] in ({starts - drained, starts - drained - 1} if asked else {starts - drained})
    assert asked <= 1


def _check_use(ground: Ground, known: dict[str, Known]) -> None:
    """Each attempt that ended is charged once; a charge that is fading is worth a little less."""
    now = ground.now
    used = {row["tenant_id"]: row["used_s"] for row in ground.look(_USED)}
    for tenant in {job.tenant for job in known.values()}:
        charges = [charge for job in known.values() if job.tenant == tenant for charge in job.charges]
        assert used.get(tenant, 0.0) == pytest.approx(
            sum(charge.left(now) for charge in charges), abs=0.05 + 0.02 * len(charges), rel=0.001
        ), f"{tenant} was charged for something else than {len(charges)} attempts"


def check_bells(ground: Ground) -> None:
    """After a sweep no bell waits in the outbox, and what could have started long ago has one in Redis."""
    late = ground.look("SELECT id FROM outbox WHERE created_at < now() - interval '1.5 s'")
    assert not late, "a bell stays in the outbox"
    waiting = ground.look("SELECT id FROM jobs WHERE state = 'queued' AND run_after < now() - interval '4.5 s'")
    assert not waiting or ground.bells.waiting(QUEUE) >= 1, "nobody rings for what waits"
