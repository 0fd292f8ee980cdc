"""`jobs.noop_*_ratio`: jobs that do nothing, from the first submission to the last end, against bare queues."""

from __future__ import annotations

import asyncio
import itertools
import statistics
import time
from collections.abc import Callable
from typing import Any, Final, LiteralString

import psycopg

from bench.load import closed_loop, post
from bench.peers.bare_celery import QUEUE, bare_app
from bench.rows import Row, keep
from bench.starting import bench_stack
from impasto.testing.processes import Process, answers, eventually, free_port
from impasto.testing.stacks import Stack

RUNS: Final = 3
JOBS: Final = 2000
BULK: Final = 1000
SLOTS: Final = 16
CONNECTIONS: Final = 16
_LOOKS_EVERY_S: Final = 0.5
_JOB: Final = {"kind": "bench.noop", "params": {}}


def run() -> list[Row]:
    """Alternates all four ways on the same servers, which write to the disk as `impasto up` starts them."""
    rates: dict[str, list[float]] = {"one": [], "bulk": [], "celery": [], "procrastinate": []}
    with bench_stack() as stack:
        peer = _Procrastinate(stack)
        worker = stack.start_worker("works", ["bench"], slots=SLOTS)
        _ours(stack, _one_by_one, 200)
        for _ in range(RUNS):
            rates["one"].append(_ours(stack, _one_by_one, JOBS))
            rates["bulk"].append(_ours(stack, _in_bulk, JOBS))
            rates["celery"].append(_celery(stack, JOBS))
            rates["procrastinate"].append(peer.rate(JOBS))
        worker.stop()
    found = {way: statistics.median(several) for way, several in rates.items()}
    return [
        _row("jobs.noop_vs_celery_ratio", found["one"], "bare Celery", found["celery"], 0.4),
        _row("jobs.noop_bulk_vs_celery_ratio", found["bulk"], "bare Celery", found["celery"], 1.5),
        _row("jobs.noop_vs_procrastinate_ratio", found["one"], "procrastinate", found["procrastinate"], 1.0),
        _row("jobs.noop_bulk_vs_procrastinate_ratio", found["bulk"], "procrastinate", found["procrastinate"], 3.0),
    ]


def _ours(stack: Stack, submit: Callable[[Stack, int], None], count: int) -> float:
    ended = "SELECT count(*) FROM jobs WHERE state = 'succeeded'"
    before, began = stack.sql(ended)[0][0], time.time()
    submit(stack, count)
    _wait_until(lambda: stack.sql(ended)[0][0] - before >= count, "every job has ended")
    [[last]] = stack.sql("SELECT extract(epoch FROM max(finished_at))::double precision FROM jobs")
    return count / (float(last) - began)


def _wait_until(done: Callable[[], bool], what: str) -> None:
    """Looks rarely: to count takes the database from those who are measured. When the last one ended, it tells."""
    deadline = time.monotonic() + 300
    while not done():
        assert time.monotonic() < deadline, f"not within 300 s: {what}"
        time.sleep(_LOOKS_EVERY_S)


def _one_by_one(stack: Stack, count: int) -> None:
    _posts(f"{stack.url}/v1/jobs", stack.api_key, _JOB, count)


def _in_bulk(stack: Stack, count: int) -> None:
    _posts(f"{stack.url}/v1/jobs/bulk", stack.api_key, {"jobs": [_JOB] * BULK}, count // BULK)


def _posts(url: str, key: str, body: Any, count: int) -> None:
    said = asyncio.run(closed_loop(url, iter(itertools.repeat(post(url, key, body), count)), CONNECTIONS))
    assert all(answer.status == 202 for answer in said), next(a.body for a in said if a.status != 202)


def _celery(stack: Stack, count: int) -> float:
    """Sent one by one from one process; the worker has as many threads as ours has slots."""
    done = stack.folder / "celery-done"
    done.unlink(missing_ok=True)
    url = f"{stack.settings.redis_url.rstrip('/')}/7"
    worker = stack.start("bench.peers.bare_celery", url, str(count), str(done), str(SLOTS))
    app = bare_app(url)
    time.sleep(4)  # it has started, and waits
    began = time.time()
    for _ in range(count):
        app.send_task("noop", queue=QUEUE)
    eventually(lambda: (done.exists() and done.read_text()) or None, f"Celery has ended; see {worker.log}", 120)
    worker.stop()
    return count / (float(done.read_text()) - began)


class _Procrastinate:
    """A database of its own on the same server, a process that serves HTTP, and one that works."""

    def __init__(self, stack: Stack) -> None:
        self._stack, self._port = stack, free_port()
        self._url = _own_database(stack)
        self._run("prepare").wait(60)
        self._run("serve", str(self._port))
        eventually(lambda: answers(f"http://127.0.0.1:{self._port}/openapi.json"), "procrastinate's service answers")

    def rate(self, count: int) -> float:
        """Jobs a second, from the first POST to the last end."""
        worker = self._run("work", str(SLOTS))
        time.sleep(3)
        before, began = self._ended(), time.time()
        _posts(f"http://127.0.0.1:{self._port}/jobs", "none", _JOB, count)
        _wait_until(lambda: self._ended() - before >= count, f"its jobs have ended; see {worker.log}")
        took = self._last_end() - began
        worker.stop()
        return count / took

    def _run(self, what: str, *more: str) -> Process:
        return self._stack.start("bench.peers.bare_procrastinate", what, self._url, *more)

    def _ended(self) -> int:
        return int(self._ask("SELECT count(*) FROM procrastinate_jobs WHERE status = 'succeeded'"))

    def _last_end(self) -> float:
        return float(self._ask("SELECT extract(epoch FROM max(at)) FROM procrastinate_events WHERE type = 'succeeded'"))

    def _ask(self, question: LiteralString) -> Any:
        with psycopg.connect(self._url) as connection:
            row = connection.execute(question).fetchone()
            assert row is not None
            return row[0]


def _own_database(stack: Stack) -> str:
    admin = stack.environment["BENCH_ADMIN_URL"]
    with psycopg.connect(admin, autocommit=True) as connection:
        connection.execute("CREATE DATABASE procrastinate")
    return admin.rsplit("/", 1)[0] + "/procrastinate"


def _row(name: str, figure: float, peer: str, peer_figure: float, target: float) -> Row:
    ratio = figure / peer_figure
    return keep(
        Row(
            name=name,
            figure=round(figure, 1),
            unit="jobs/s",
            peer=peer,
            peer_figure=round(peer_figure, 1),
            ratio=round(ratio, 2),
            target=target,
            ok=ratio >= target,
            runs=RUNS,
        )
    )
