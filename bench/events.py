"""`events.lag_500_readers_p95_ms`: from an event's row to its reader, with 500 readers of 100 jobs on one gateway."""

from __future__ import annotations

import asyncio
import json
import statistics
import time
from collections import deque
from datetime import datetime
from typing import Final
from urllib.parse import urlsplit

import httpx

from bench.platform import platform
from bench.rows import Row, keep
from impasto.backends.bells import Bells
from impasto.backends.postgres.finishing import PostgresFinisher
from impasto.backends.postgres.pools import engine_pool
from impasto.backends.postgres.queue import PostgresQueue
from impasto.jobs import ClaimedJob, Progress
from impasto.testing.stacks import Stack

JOBS: Final = 100
READERS: Final = 5
RUNS: Final = 3
TARGET_MS: Final = 200.0
_EVERY_S: Final = 0.1
_RUNS_S: Final = 6.0
_PROGRESS_S: Final = 0.25


def run() -> list[Row]:
    """Alternates one and five readers of each job; all jobs tell progress four times a second."""
    with platform() as stack:
        stack.start_gateway()
        figures, peers = [], []
        for number in range(RUNS):
            peers.append(asyncio.run(_p95_ms(stack, f"one-{number}", 1)))
            figures.append(asyncio.run(_p95_ms(stack, f"many-{number}", READERS)))
    figure, peer = statistics.median(figures), statistics.median(peers)
    return [
        keep(
            Row(
                name="events.lag_500_readers_p95_ms",
                figure=round(figure, 1),
                unit="ms",
                peer="one reader of each job",
                peer_figure=round(peer, 1),
                ratio=round(figure / peer, 2),
                target=TARGET_MS,
                ok=figure <= TARGET_MS,
                runs=RUNS,
            )
        )
    ]


async def _p95_ms(stack: Stack, tenant: str, readers: int) -> float:
    """p95 over every event that every reader gets of a tenant's jobs, from their start to their end."""
    lags: list[float] = []
    headers = {"Authorization": f"Bearer {stack.key(tenant)}"}
    async with httpx.AsyncClient(base_url=stack.url, trust_env=False, timeout=60, headers=headers) as client:
        job = {"kind": "generate.text_to_image", "params": {"prompts": ["a fox"]}}
        answer = await client.post("/v1/jobs/bulk", json={"jobs": [job] * JOBS})
        answer.raise_for_status()
        ids = [item["id"] for item in answer.json()["items"]]
    ready = asyncio.Semaphore(0)
    reading = [asyncio.create_task(_read(stack, tenant, job_id, ready, lags)) for job_id in ids * readers]
    for _ in reading:
        await ready.acquire()
    await asyncio.to_thread(_work, stack)
    await asyncio.wait_for(asyncio.gather(*reading), 60)
    assert len(lags) == 2 * JOBS * readers, "every reader got every event"
    return statistics.quantiles(lags, n=20)[-1]


async def _read(stack: Stack, tenant: str, job_id: str, ready: asyncio.Semaphore, lags: list[float]) -> None:
    """A reader of no more than it takes: 500 of them share this process with the work."""
    place = urlsplit(stack.url)
    reader, writer = await asyncio.open_connection(place.hostname, place.port)
    writer.write(
        f"GET /v1/jobs/{job_id}/events HTTP/1.1\r\nHost: {place.netloc}\r\nAccept: text/event-stream\r\n"
        f"Authorization: Bearer {stack.key(tenant)}\r\nConnection: close\r\n\r\n".encode()
    )
    async for line in reader:
        if not line.startswith(b'data: {"job_id"'):
            continue
        now, event = time.time(), json.loads(line[6:])
        if event["type"] == "job.queued":
            ready.release()
        else:
            lags.append((now - datetime.fromisoformat(event["occurred_at"]).timestamp()) * 1000)
    writer.close()


def _work(stack: Stack) -> None:
    """A worker that takes a job every tenth of a second, tells progress of all, and ends them as it took them."""
    bells = Bells(stack.settings.redis_url)
    with engine_pool(stack.settings.engine_database_url, plan_once=True) as pool:
        queue = PostgresQueue(pool, worker="bench", instance="1", queues=["generate"], lease_s=60)
        finisher, running = PostgresFinisher(pool), deque[ClaimedJob]()
        began, taken, ended, told = time.monotonic(), 0, 0, 0
        while ended < JOBS:
            at = time.monotonic() - began
            if taken < JOBS and at >= taken * _EVERY_S:
                job = queue.claim(["engine"])
                assert job is not None
                running.append(job)
                taken += 1
                bells.tell([job.id], job.tenant_id)
            elif at >= _RUNS_S + ended * _EVERY_S:
                job = running.popleft()
                assert finisher.cancel(job)
                ended += 1
                bells.tell([job.id], job.tenant_id)
            elif running and at >= told * _PROGRESS_S:
                told += 1
                queue.tell_progress({(job.id, job.epoch): Progress(step=told, steps=1000) for job in running})
            else:
                time.sleep(0.005)
