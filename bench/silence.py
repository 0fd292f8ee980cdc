"""`jobs.post_redis_silent_p99_ratio`: how long a submission takes while Redis says nothing, against as always."""

from __future__ import annotations

import asyncio
import statistics
import time
from typing import Final
from urllib.parse import urlsplit

from tests.faults.proxy import Proxy

from bench.load import post, steady
from bench.platform import stack_of
from bench.rows import Row, keep
from impasto.testing.servers import Servers
from impasto.testing.stacks import Stack

RUNS: Final = 2
PER_S: Final = 100
SECONDS: Final = 60
TARGET: Final = 1.2
_BODY: Final = {"kind": "generate.text_to_image", "params": {"prompts": ["a fox"]}}
# Until the gateway has found Redis again.
_SETTLES_S: Final = 5.0


def run() -> list[Row]:
    """Alternates on servers that write to the disk; what comes in the moment in which Redis falls silent counts."""
    usual, silent = [], []
    with Servers(durable=True) as servers, Proxy(_port(servers.redis_url)) as redis:
        near = servers.redis_url.replace(f":{_port(servers.redis_url)}", f":{redis.port}")
        with stack_of(servers, redis_url=near) as stack:
            stack.start_gateway()
            asyncio.run(_p99_ms(stack))
            for _ in range(RUNS):
                usual.append(asyncio.run(_p99_ms(stack)))
                redis.black_hole()
                silent.append(asyncio.run(_p99_ms(stack)))
                redis.heal()
                time.sleep(_SETTLES_S)
    ratio = statistics.median(s / u for s, u in zip(silent, usual, strict=True))
    return [
        keep(
            Row(
                name="jobs.post_redis_silent_p99_ratio",
                figure=round(statistics.median(silent), 2),
                unit="ms",
                peer="the same while Redis answers",
                peer_figure=round(statistics.median(usual), 2),
                ratio=round(ratio, 2),
                target=TARGET,
                ok=ratio <= TARGET,
                runs=RUNS,
            )
        )
    ]


def _port(url: str) -> int:
    port = urlsplit(url).port
    assert port is not None
    return port


async def _p99_ms(stack: Stack) -> float:
    url = f"{stack.url}/v1/jobs"
    answers = await steady(url, [post(url, stack.api_key, _BODY)] * PER_S * SECONDS, PER_S)
    assert all(answer.status == 202 for answer in answers), next(a.body for a in answers if a.status != 202)
    return statistics.quantiles((answer.took_s * 1000 for answer in answers), n=100)[98]
