"""`jobs.submit_to_start_*` and `jobs.post_per_s`: from the receipt of a 202 to the commit of `job.started`."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import statistics
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import psycopg

from bench.load import Answer, Connection, closed_loop, post, steady
from bench.platform import stack_of
from bench.rows import Row, keep
from impasto.testing.processes import answers, eventually, free_port
from impasto.testing.servers import Servers
from impasto.testing.stacks import Stack

RUNS: Final = 3
ONE_BY_ONE: Final = 200
PER_S: Final = 200
SECONDS: Final = 10
POSTS: Final = 5000
CONNECTIONS: Final = 16
_BODY: Final = {"kind": "bench.noop", "params": {}}
_BARE: Final = "three rows a commit with psycopg 3 behind a route of FastAPI, and nothing around it"
_PLUGIN: Final = str(Path(__file__).parent / "plugin")
# When the transaction that wrote `job.started` was committed; its own time is that of its begin.
_STARTED: Final = """
SELECT job_id, extract(epoch FROM pg_xact_commit_timestamp(xmin))::double precision
FROM job_events WHERE type = 'job.started' AND job_id = ANY(%s)
"""


def run() -> list[Row]:
    """Servers that write to the disk, as `impasto up` starts them; one gateway, one worker that is warm."""
    p50s, p99s, busy, rates, bare_rates = [], [], [], [], []
    with bench_stack() as stack:
        stack.start_worker("starts", ["bench"], slots=8)
        url, request = f"{stack.url}/v1/jobs", post(f"{stack.url}/v1/jobs", stack.api_key, _BODY)
        asyncio.run(_one_by_one(url, request, 50))
        for _ in range(RUNS):
            lags = _lags(stack, asyncio.run(_one_by_one(url, request, ONE_BY_ONE)))
            p50s.append(statistics.median(lags))
            p99s.append(statistics.quantiles(lags, n=100)[98])
            lags = _lags(stack, asyncio.run(steady(url, [request] * PER_S * SECONDS, PER_S)))
            busy.append(statistics.quantiles(lags, n=100)[98])
    with bench_stack() as stack:  # without a worker: what one gateway process accepts
        bare = _bare_rows(stack)
        for _ in range(RUNS):
            rates.append(_accepted_per_s(f"{stack.url}/v1/jobs", stack.api_key))
            bare_rates.append(_accepted_per_s(bare, "none"))
    return [
        _row("jobs.submit_to_start_p50_ms", statistics.median(p50s), "ms", 8.0, "a sketch with the same commits", 5.1),
        _row("jobs.submit_to_start_p99_ms", statistics.median(p99s), "ms", 25.0, "a sketch with the same commits", 7.2),
        _row("jobs.submit_to_start_200ps_p99_ms", statistics.median(busy), "ms", 50.0, "the same sketch", 10.0),
        _row("jobs.post_per_s", statistics.median(rates), "jobs/s", 1000.0, _BARE, statistics.median(bare_rates)),
    ]


def _bare_rows(stack: Stack) -> str:
    port, admin = free_port(), stack.environment["BENCH_ADMIN_URL"]
    with psycopg.connect(admin, autocommit=True) as connection:
        connection.execute("CREATE DATABASE bare_rows")
    stack.start("bench.peers.bare_rows", admin.rsplit("/", 1)[0] + "/bare_rows", str(port))
    eventually(lambda: answers(f"http://127.0.0.1:{port}/openapi.json"), "the bare route answers")
    return f"http://127.0.0.1:{port}/jobs"


def _accepted_per_s(url: str, key: str) -> float:
    began = time.perf_counter()
    told = asyncio.run(closed_loop(url, iter(itertools.repeat(post(url, key, _BODY), POSTS)), CONNECTIONS))
    rate = POSTS / (time.perf_counter() - began)
    assert all(answer.status == 202 for answer in told), next(a.body for a in told if a.status != 202)
    return rate


@contextmanager
def bench_stack() -> Iterator[Stack]:
    """A gateway and a reconciler that know the kind that does nothing."""
    sys.path.insert(0, _PLUGIN)
    path = os.pathsep.join(filter(None, [_PLUGIN, str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH")]))
    settings = {"track_commit_timestamp": "on"}
    with Servers(durable=True, postgres=settings) as servers, stack_of(servers) as stack:
        stack.environment |= {"PYTHONPATH": path, "BENCH_ADMIN_URL": servers.admin_url}
        stack.start_gateway()
        stack.start_reconciler()
        yield stack


async def _one_by_one(url: str, request: bytes, count: int) -> list[Answer]:
    """With a pause after each, so that nothing of the one before is still going on."""
    connection, said = Connection(url), []
    for _ in range(count):
        said.append(await connection.ask(request))
        await asyncio.sleep(0.03)
    await connection.close()
    return said


def _lags(stack: Stack, said: list[Answer]) -> list[float]:
    """Milliseconds from the receipt of each 202 to the commit of its start."""
    assert all(answer.status == 202 for answer in said), next(a.body for a in said if a.status != 202)
    told = {json.loads(answer.body)["id"]: answer.at for answer in said}

    def started() -> list[tuple[str, float]] | None:
        found = stack.sql(_STARTED, [list(told)])
        return [(str(job), float(at)) for job, at in found] if len(found) == len(told) else None

    return [(at - told[job]) * 1000 for job, at in eventually(started, "every job has started", 60)]


def _row(name: str, figure: float, unit: str, target: float, peer: str, peer_figure: float) -> Row:
    ok = figure >= target if unit.endswith("/s") else figure <= target
    return keep(
        Row(
            name=name,
            figure=round(figure, 2),
            unit=unit,
            peer=peer,
            peer_figure=round(peer_figure, 1),
            ratio=round(figure / peer_figure, 2),
            target=target,
            ok=ok,
            runs=RUNS,
        )
    )
