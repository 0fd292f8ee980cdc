"""Gateways and reconcilers killed and workers renewed while jobs come: nothing that was accepted is lost or charged."""

from __future__ import annotations

import random
import threading
import time
from functools import partial
from pathlib import Path

from impasto_test_kinds import Stamp

from impasto import Client
from impasto.errors import Unavailable
from impasto.testing.processes import answers, eventually
from impasto.testing.stacks import Stack
from tests.asking import ended


class Submitting:
    """A program that submits one job after the other, through the SDK, whatever happens to the gateway."""

    def __init__(self, stack: Stack, count: int, pause_s: float) -> None:
        self._stack, self._count, self._pause_s = stack, count, pause_s
        self.accepted: dict[str, str] = {}
        self.thread = threading.Thread(target=self._run)
        self.thread.start()

    def _run(self) -> None:
        client = Client(url=self._stack.url, api_key=self._stack.api_key)
        for number in range(self._count):
            words = f"job-{number}"
            while words not in self.accepted:
                try:
                    job = client.submit(Stamp(text=words, seconds=0.3), idempotency_key=words)
                except Unavailable:
                    continue
                self.accepted[words] = job.id
            time.sleep(self._pause_s)


def _has_job(stack: Stack, worker: str, submitting: Submitting) -> bool:
    running = "SELECT 1 FROM jobs WHERE worker = %s AND state = 'running'"
    return not submitting.thread.is_alive() or bool(stack.sql(running, [worker]))


def _each_once(stack: Stack, accepted: dict[str, str], attempts: int) -> None:
    for words, job_id in accepted.items():
        job = ended(stack, job_id, most_s=60)
        assert (job["state"], job["attempts"]) == ("succeeded", attempts), job
        there = stack.sql("SELECT id FROM jobs WHERE params->>'text' = %s", [words])
        assert there == [(job_id,)], "the same key is one job, however often its answer was cut off"


def test_what_a_gateway_accepted_before_it_was_killed_is_there_and_once(stack: Stack) -> None:
    stack.api_key  # noqa: B018  made before the gateway can be away
    gateway = stack.start_gateway()
    stack.start_reconciler()
    stack.start_worker("w", ["test"], slots=4)
    submitting, chance = Submitting(stack, 60, 0.02), random.Random(5)
    kills = 0
    # A slow machine serves little between two of them: it is left in peace after enough.
    while submitting.thread.is_alive() and kills < 12:
        time.sleep(chance.uniform(0.2, 0.8))
        gateway.kill()
        kills += 1
        gateway.start()
        eventually(lambda: answers(f"{stack.url}/healthz"), "the gateway is there again")
    submitting.thread.join(120)
    assert kills >= 1
    assert len(submitting.accepted) == 60
    _each_once(stack, submitting.accepted, attempts=1)


def test_without_any_reconciler_jobs_run_and_the_next_one_finds_what_was_lost(stack: Stack, tmp_path: Path) -> None:
    stack.start_gateway()
    reconciler = stack.start_reconciler()
    lost, other = stack.start_worker("lost", ["test"], slots=1), None
    gate = tmp_path / "gate"
    gate.touch()
    client = stack.client()
    held = client.submit(Stamp(text="held", gate=str(gate), pause_at="compute"))
    eventually(gate.with_suffix(".compute").exists, "it computes")
    reconciler.kill()
    lost.kill()
    gate.unlink()
    other = stack.start_worker("other", ["test"], slots=1)
    # A new job needs no reconciler.
    assert ended(stack, client.submit(Stamp(text="new")).id)["state"] == "succeeded"
    assert stack.sql("SELECT state FROM jobs WHERE id = %s", [held.id]) == [("running",)], "nobody has looked"
    reconciler.start()
    job = ended(stack, held.id)
    assert (job["state"], job["attempts"]) == ("succeeded", 2)
    assert other.alive


def test_a_rolling_restart_under_load_costs_no_job_an_attempt(stack: Stack) -> None:
    stack.start_gateway()
    stack.start_reconciler()
    workers = {name: stack.start_worker(name, ["test"], slots=2) for name in ("a", "b")}
    submitting = Submitting(stack, 80, 0.15)
    rounds = 0
    while submitting.thread.is_alive():
        for name, worker in workers.items():
            worker.stop()
            assert worker.wait() == 0
            stack.await_worker(name, worker.start())
            eventually(partial(_has_job, stack, name, submitting), "it has a job, or none comes any more")
        rounds += 1
    assert rounds >= 1
    _each_once(stack, submitting.accepted, attempts=1)
    losses = stack.sql("SELECT coalesce(sum(worker_losses + runner_losses), 0) FROM jobs")
    assert losses == [(0,)]
