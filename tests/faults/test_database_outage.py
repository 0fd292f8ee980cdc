"""PostgreSQL away while jobs run: no false success, no false failure, and no lease that expires for it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest
from psycopg import sql

from impasto.testing.processes import answers, eventually
from impasto.testing.servers import Servers
from impasto.testing.stacks import Stack
from tests.asking import ask, ended, submit


@pytest.fixture
def patient(stack: Stack) -> Stack:
    """Leases as long as they really are."""
    stack.settings = replace(stack.settings, lease_s="30", grace_s="15")
    return stack


@contextmanager
def outage(servers: Servers, stack: Stack) -> Iterator[None]:
    """This stack's database ends every connection and takes no new one; the rest of the server goes on."""
    name = urlsplit(stack.settings.database_url).path[1:]
    allow = sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS {}")
    with psycopg.connect(servers.admin_url, autocommit=True) as connection:
        connection.execute(allow.format(sql.Identifier(name), sql.Literal(False)))
        connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name])
        try:
            yield
        finally:
            connection.execute(allow.format(sql.Identifier(name), sql.Literal(True)))
    eventually(lambda: answers(f"{stack.url}/readyz"), "the gateway is ready again")


@pytest.mark.parametrize("point", ["compute", "uploaded"])
def test_a_job_that_ends_while_the_database_is_away_succeeds_at_its_first_attempt(
    servers: Servers, patient: Stack, tmp_path: Path, point: str
) -> None:
    patient.start_gateway()
    patient.start_reconciler()
    worker = patient.start_worker("w", ["test"])
    gate = tmp_path / "gate"
    gate.touch()
    job_id = submit(patient, "test.stamp", {"text": "patience", "gate": str(gate), "pause_at": point})["id"]
    eventually(gate.with_suffix(f".{point}").exists, f"the job is at {point}")
    with outage(servers, patient):
        answer = ask(patient, "GET", f"/v1/jobs/{job_id}")
        assert (answer.status_code, answer.json()["code"]) == (503, "database_unavailable")
        assert answer.headers["retry-after"]
        gate.unlink()
        words = "could not be written yet" if point == "uploaded" else "trying again in"
        eventually(lambda: words in worker.log.read_text(), "the worker notices the outage")
    job = ended(patient, job_id)
    assert (job["state"], job["attempts"]) == ("succeeded", 1)


def test_a_job_that_asks_the_database_during_an_outage_is_tried_again(
    servers: Servers, patient: Stack, tmp_path: Path
) -> None:
    patient.start_gateway()
    patient.start_reconciler()
    worker = patient.start_worker("w", ["test"])
    gate = tmp_path / "gate"
    gate.touch()
    params = {"text": "asks", "gate": str(gate), "pause_at": "claimed", "then": "ask"}
    job_id = submit(patient, "test.stamp", params)["id"]
    eventually(gate.with_suffix(".claimed").exists, "the job is claimed")
    with outage(servers, patient):
        gate.unlink()
        eventually(lambda: "could not be written yet" in worker.log.read_text(), "the attempt is given up", 40)
    job = ended(patient, job_id)
    assert (job["state"], job["attempts"]) == ("succeeded", 2)
    causes = patient.sql("SELECT data->>'cause' FROM job_events WHERE job_id = %s AND type = 'job.requeued'", [job_id])
    assert causes == [("database_lost",)]
