"""Waiting for a job: what is told, and that Ctrl-C leaves the job alone."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

from impasto.cli.waiting import queue_place, told, waits_for
from impasto.estimates import Interval, QueueEstimate, QueuePosition
from impasto.jobs import Progress, WaitsFor
from impasto.testing.processes import eventually
from tests.cli.run import impasto, read_json
from tests.client.scripted import Asked, Say, scripted
from tests.client.steps import JOB_ID, event, job, progress


def _events(*chunks: bytes) -> object:
    def answer(asked: Asked, _: int) -> Say:
        return Say(b"".join(chunks)) if asked.path.endswith("/events") else Say(job(result={"a": 1}, kind="x.y"))

    return answer


def test_watching_tells_events_and_progress_on_stderr_and_the_end_on_stdout() -> None:
    with scripted(_events(event(1, "job.started"), progress(0.5), event(2, "job.succeeded"))) as server:
        result = impasto("jobs", "watch", JOB_ID, url=server.url)
    assert result.exit_code == 0
    assert result.stderr.splitlines()[:4] == [JOB_ID, "running", " 50%", "done"]
    assert result.stdout.startswith("succeeded")


def test_watching_with_json_keeps_stdout_pure() -> None:
    with scripted(_events(progress(0.1), event(1, "job.succeeded"))) as server:
        result = impasto("jobs", "watch", JOB_ID, "--json", url=server.url)
    assert read_json(result)["result"] == {"a": 1}
    assert "10%" in result.stderr


def test_progress_is_told_at_every_tenth_and_not_at_every_step() -> None:
    steps = [progress(number / 1000) for number in range(1001)]
    with scripted(_events(*steps, event(1, "job.succeeded"))) as server:
        result = impasto("jobs", "watch", JOB_ID, url=server.url)
    assert sum("%" in line for line in result.stderr.splitlines()) == 11


def test_a_failed_job_ends_with_its_reason_and_1() -> None:
    def answer(asked: Asked, _: int) -> Say:
        error = {"code": "out_of_memory", "message": "too large for this worker", "hint": "use a smaller picture"}
        return Say(event(1, "job.failed")) if asked.path.endswith("/events") else Say(job("failed", error=error))

    with scripted(answer) as server:
        result = impasto("jobs", "watch", JOB_ID, url=server.url)
    assert result.exit_code == 1
    assert "error: too large for this worker\n  hint: use a smaller picture" in result.stderr


def state_of(pid: int) -> str:
    """`S` while the process sleeps in a call."""
    return Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()[0]


def test_ctrl_c_leaves_the_job_and_says_how_to_look_again() -> None:
    going = threading.Event()

    def answer(asked: Asked, _: int) -> Say:
        if asked.path.endswith("/events"):
            going.wait(20)
            return Say(event(1, "job.succeeded"))
        return Say(job("running"))

    with scripted(answer) as server:
        environment = os.environ | {"IMPASTO_URL": server.url, "IMPASTO_API_KEY": "key"}
        code = "from impasto.cli import main; main()"
        watch = subprocess.Popen(
            [sys.executable, "-c", code, "jobs", "watch", JOB_ID], stderr=subprocess.PIPE, env=environment, text=True
        )
        while not any(asked.path.endswith("/events") for asked in server.asked):
            time.sleep(0.01)
        # A signal just before a read that blocks would be seen only when the read is over.
        eventually(lambda: state_of(watch.pid) == "S", "it waits for what comes")
        watch.send_signal(signal.SIGINT)
        _, said = watch.communicate(timeout=20)
        going.set()
    assert watch.returncode == 130
    assert f"impasto jobs watch {JOB_ID}" in said
    assert "Traceback" not in said
    assert not any(asked.path.endswith("/cancel") for asked in server.asked)


def test_a_progress_is_one_line() -> None:
    full = Progress(message="training", step=1200, steps=3000, series={"loss": 0.12345})
    assert told(full) == "training  1,200/3,000  loss 0.123"
    assert told(Progress(fraction=0.5)) == ""


def test_why_a_job_waits_and_where_it_stands_is_told() -> None:
    missing = WaitsFor(code="no_worker", missing="queue", queue="train", kind="x.y")
    assert waits_for(missing) == "waits for a worker: no live one consumes the queue train"
    assert "knows the kind x.y" in waits_for(missing.model_copy(update={"missing": "kind"}))
    position = QueuePosition(at_least=4, about=9, at_most=1061)
    queue = QueueEstimate(position=position, slots=2, start_in_s=Interval(p10=31, p90=150))
    assert queue_place(queue) == "about number 9 (4 to 1,061) in the queue, starts in 31 s to 2 min"


def test_a_job_that_waits_for_a_worker_says_so_before_it_is_watched() -> None:
    missing = {"code": "no_worker", "missing": "queue", "queue": "train", "kind": "x.y"}

    def answer(asked: Asked, number: int) -> Say:
        if asked.path.endswith("/events"):
            return Say(event(1, "job.succeeded"))
        return Say(job("queued", waiting_for=missing) if number < 2 else job(result={}, kind="x.y"))

    with scripted(answer) as server:
        result = impasto("jobs", "watch", JOB_ID, url=server.url)
    assert result.stderr.splitlines()[:2] == [JOB_ID, "waits for a worker: no live one consumes the queue train"]
