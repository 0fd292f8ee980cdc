"""PostgreSQL and the object store really stopped, and started again: no false success, no false failure."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from impasto.testing.processes import answers, eventually
from tests.asking import ask, ended, submit
from tests.faults.conftest import Own


@pytest.mark.parametrize(
    ("lasts_s", "attempts"), [(20, {1}), pytest.param(90, {1, 2}, marks=[pytest.mark.slow, pytest.mark.timeout(400)])]
)
def test_postgresql_stopped_for_a_while_costs_no_job_and_less_than_its_lease_no_attempt(
    own: Own, tmp_path: Path, lasts_s: float, attempts: set[int]
) -> None:
    stack = own.stack
    stack.start_gateway()
    stack.start_reconciler()
    worker = stack.start_worker("w", ["test"], slots=2)
    gate, ledger = tmp_path / "gate", tmp_path / "ledger"
    gate.touch()
    # One ends while the database is away, the other is held until it is back.
    ends = submit(stack, "test.stamp", {"text": "ends", "seconds": 3, "ledger": str(ledger)})["id"]
    params = {"text": "held", "gate": str(gate), "pause_at": "compute", "ledger": str(ledger)}
    held = submit(stack, "test.stamp", params)["id"]
    eventually(gate.with_suffix(".compute").exists, "it computes")
    eventually(lambda: stack.sql("SELECT count(*) FROM jobs WHERE state = 'running'") == [(2,)], "both run")
    own.servers.halt("postgres")
    refused = ask(stack, "POST", "/v1/jobs", json={"kind": "test.stamp", "params": {"text": "no"}})
    assert (refused.status_code, refused.json()["code"]) == (503, "database_unavailable")
    time.sleep(lasts_s)
    own.servers.resume("postgres")
    # Nobody's patience has grown with the outage.
    eventually(lambda: answers(f"{stack.url}/readyz"), "the gateway is ready again", 15)
    after = submit(stack, "test.stamp", {"text": "after", "ledger": str(ledger)})["id"]
    gate.unlink()
    for job_id in (ends, held, after):
        job = ended(stack, job_id, most_s=90)
        assert job["state"] == "succeeded", job
        assert job["attempts"] in attempts
        told = "SELECT count(*) FROM job_events WHERE job_id = %s AND type = 'job.succeeded'"
        assert stack.sql(told, [job_id]) == [(1,)]
        assert stack.sql("SELECT count(*) FROM lineage_edges WHERE job_id = %s", [job_id]) == [(1,)]
    assert worker.alive
    assert stack.sql("SELECT count(*) FROM jobs WHERE params->>'text' = 'no'") == [(0,)], (
        "what was refused is not there"
    )


@pytest.mark.parametrize("lasts_s", [10, pytest.param(60, marks=[pytest.mark.slow, pytest.mark.timeout(400)])])
def test_a_store_that_is_stopped_fails_no_job(own: Own, tmp_path: Path, lasts_s: float) -> None:
    stack = own.stack
    # To wait for the store is to run: what this kind allows by itself is as long as the longer outage.
    stack.environment |= {"TEST_STAMP_RUN_LIMIT_S": "300"}
    stack.start_gateway()
    stack.start_reconciler()
    stack.start_worker("w", ["test"])
    gate = tmp_path / "gate"
    gate.touch()
    params = {"text": "kept", "gate": str(gate), "pause_at": "compute"}
    job_id = submit(stack, "test.stamp", params)["id"]
    eventually(gate.with_suffix(".compute").exists, "it computes")
    own.servers.halt("s3")
    gate.unlink()
    meanwhile = submit(stack, "test.stamp", {"text": "accepted all the same"})["id"]
    assert ask(stack, "GET", "/readyz").status_code == 200
    time.sleep(lasts_s)
    assert stack.sql("SELECT count(*) FROM jobs WHERE state = 'running'") == [(2,)], "they wait for the store"
    own.servers.resume("s3")
    for job in (ended(stack, job_id, most_s=60), ended(stack, meanwhile, most_s=60)):
        assert (job["state"], job["attempts"]) == ("succeeded", 1), job["error"]
        digest = job["result"]["artifact"]["sha256"]
        assert ask(stack, "GET", f"/v1/artifacts/{digest}").status_code == 200


def test_a_store_that_is_killed_in_the_middle_of_it_keeps_what_it_took(own: Own) -> None:
    stack = own.stack
    stack.start_gateway()
    stack.start_reconciler()
    stack.start_worker("w", ["test"], slots=4)
    ids = [submit(stack, "test.stamp", {"text": f"{number}", "seconds": 0.2})["id"] for number in range(24)]
    eventually(lambda: stack.sql("SELECT count(*) > 3 FROM jobs WHERE state = 'succeeded'")[0][0], "some have ended")
    own.servers.kill("s3")
    time.sleep(3)
    own.servers.resume("s3")
    for job_id in ids:
        job = ended(stack, job_id, most_s=60)
        assert (job["state"], job["attempts"]) == ("succeeded", 1), job["error"]
        digest = job["result"]["artifact"]["sha256"]
        assert ask(stack, "GET", f"/v1/artifacts/{digest}").status_code == 200, "its result is not in the store"
