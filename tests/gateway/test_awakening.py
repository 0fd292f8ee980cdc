"""The gateway's one subscription: kept, and asked whether it lives only when it is silent."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import redis.asyncio as redis

from impasto.backends.bells import ANY_TENANT, EVENTS_CHANNEL, TENANTS_CHANNEL
from impasto.settings import Settings
from impasto_gateway.awakening import Awakener


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@asynccontextmanager
async def _awake(awakener: Awakener) -> AsyncIterator[None]:
    awakener.start()
    try:
        async with asyncio.timeout(20):
            while not awakener.hears:
                await asyncio.sleep(0.01)
        yield
    finally:
        await awakener.stop()


@pytest.mark.anyio
async def test_one_subscription_is_kept(settings: Settings, caplog: pytest.LogCaptureFixture) -> None:
    subscriptions: list[str | None] = []
    awakener = Awakener(settings.redis_url, on_job=subscriptions.append)
    with caplog.at_level(logging.WARNING):
        async with _awake(awakener):
            await asyncio.sleep(1)
            assert awakener.hears
    assert subscriptions == [None]
    assert "does not answer" not in caplog.text


@pytest.mark.anyio
@pytest.mark.parametrize("channel", [EVENTS_CHANNEL, TENANTS_CHANNEL])
async def test_odd_news_ends_no_subscription(settings: Settings, channel: str) -> None:
    jobs: list[str | None] = []
    tenants: list[str | None] = []
    async with _awake(Awakener(settings.redis_url, on_job=jobs.append, on_tenant=tenants.append)):
        async with redis.from_url(settings.redis_url) as client:
            for odd in (b"", b"\xff\xfe", b"{", b"\x00" * 1000):
                await client.publish(channel, odd)
            await client.publish(EVENTS_CHANNEL, "job_the_last")
            await client.publish(TENANTS_CHANNEL, ANY_TENANT)
        async with asyncio.timeout(20):
            while "job_the_last" not in jobs or tenants[-1:] != [None]:
                await asyncio.sleep(0.01)
    assert jobs.count(None) == 1, "it was not subscribed anew"
