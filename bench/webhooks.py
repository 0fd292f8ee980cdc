"""`webhooks.p95_s`: from an event's commit to its receiver, at 100 events a second while one receiver in ten hangs."""

from __future__ import annotations

import asyncio
import json
import statistics
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import datetime
from typing import Any, Final

import httpx

from bench.load import post, steady
from bench.platform import platform
from bench.rows import Row, keep
from impasto.testing.processes import eventually
from impasto.testing.stacks import Stack

RECEIVERS: Final = 10
EVENTS_PER_S: Final = 100
SECONDS: Final = 20
RUNS: Final = 2
TARGET_S: Final = 2.0
_EACH: Final = EVENTS_PER_S * SECONDS // RECEIVERS


def run() -> list[Row]:
    """Alternates: all receivers answer, one of them hangs. What the one that hangs was sent does not count."""
    with platform() as stack:
        stack.environment["IMPASTO_WEBHOOK_ALLOW_PRIVATE"] = "1"
        stack.start_gateway()
        stack.start_notifier()
        peers, figures = [], []
        for number in range(RUNS):
            peers.append(asyncio.run(_measured(stack, f"quick-{number}", hangs=False)))
            figures.append(asyncio.run(_measured(stack, f"slow-{number}", hangs=True)))
    peer, figure = statistics.median(peers), statistics.median(figures)
    return [
        keep(
            Row(
                name="webhooks.p95_s",
                figure=round(figure, 3),
                unit="s",
                peer="the same while none hangs",
                peer_figure=round(peer, 3),
                ratio=round(figure / peer, 2),
                target=TARGET_S,
                ok=figure <= TARGET_S,
                runs=RUNS,
            )
        )
    ]


async def _measured(stack: Stack, name: str, *, hangs: bool) -> float:
    """p95 of the seconds from an event to its arrival; a tenant, an endpoint and a receiver each."""
    lags: list[float] = []
    tenants = [f"{name}-{number}" for number in range(RECEIVERS)]
    stuck = set(tenants[:1]) if hangs else set()
    async with (
        _receivers(tenants, stuck, lags) as places,
        httpx.AsyncClient(base_url=stack.url, trust_env=False, timeout=60) as client,
    ):
        queued = {tenant: await _prepared(stack, client, tenant, places[tenant]) for tenant in tenants}
        asked = [_cancel(stack, tenant, queued[tenant].pop()) for _ in range(_EACH) for tenant in tenants]
        answers = await steady(stack.url, asked, EVENTS_PER_S)
        assert all(answer.status == 202 for answer in answers), next(a.body for a in answers if a.status != 202)
        most, patience = (RECEIVERS - len(stuck)) * _EACH, time.monotonic() + 60
        while len(lags) < most and time.monotonic() < patience:
            await asyncio.sleep(0.1)
        assert len(lags) >= most, f"{most - len(lags)} of {most} events did not arrive"
    return statistics.quantiles(lags, n=20)[-1]


async def _prepared(stack: Stack, client: httpx.AsyncClient, tenant: str, url: str) -> list[str]:
    """An endpoint that has answered its challenge, and jobs that wait."""
    headers = {"Authorization": f"Bearer {stack.key(tenant)}"}
    made = await client.post("/v1/webhooks", json={"url": url, "events": ["job.canceled"]}, headers=headers)
    made.raise_for_status()
    place = f"/v1/webhooks/{made.json()['endpoint']['id']}"

    def active() -> bool:
        return bool(httpx.get(stack.url + place, headers=headers, trust_env=False).json()["state"] == "active")

    await asyncio.to_thread(eventually, active, "the endpoint is active", 20)
    job = {"kind": "generate.text_to_image", "params": {"prompts": ["a fox"]}}
    answer = await client.post("/v1/jobs/bulk", json={"jobs": [job] * _EACH}, headers=headers)
    answer.raise_for_status()
    return [item["id"] for item in answer.json()["items"]]


def _cancel(stack: Stack, tenant: str, job_id: str) -> bytes:
    return post(f"{stack.url}/v1/jobs/{job_id}/cancel", stack.key(tenant), None)


@asynccontextmanager
async def _receivers(tenants: list[str], stuck: set[str], lags: list[float]) -> AsyncIterator[dict[str, str]]:
    """A receiver for each tenant; those that are stuck answer their challenge and nothing after it."""
    servers = {
        tenant: await asyncio.start_server(_receiver(tenant in stuck, lags), "127.0.0.1", 0) for tenant in tenants
    }
    try:
        yield {name: f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/" for name, server in servers.items()}
    finally:
        for server in servers.values():
            server.close()


def _receiver(stuck: bool, lags: list[float]) -> Any:
    async def receive(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
        length = int(head.split("content-length:")[1].split("\r\n")[0])
        told = json.loads(await reader.readexactly(length))
        if told["type"] == "job.canceled":
            if stuck:
                with suppress(asyncio.CancelledError):  # the measurement ends first
                    await reader.read()
                return
            lags.append(time.time() - datetime.fromisoformat(told["timestamp"]).timestamp())
        writer.write(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")
        await writer.drain()
        writer.close()

    return receive
