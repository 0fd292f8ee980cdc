"""Wakes the notifier when something happened; without Redis it looks once a second."""

from __future__ import annotations

import asyncio
import logging

import redis.asyncio as redis
from redis.exceptions import RedisError

from impasto.backends.bells import EVENTS_CHANNEL
from impasto.faults import trace_of
from impasto_notifier.limits import POLL_S

_LOG = logging.getLogger("impasto.notifier")


async def listen_for_ever(redis_url: str, news: asyncio.Event) -> None:
    """Sets `news` at every piece of news of a job or an endpoint, whichever it is of."""
    while True:
        try:
            async with redis.from_url(redis_url, health_check_interval=10) as client, client.pubsub() as channel:
                await channel.subscribe(EVENTS_CHANNEL)
                while True:
                    if await channel.get_message(ignore_subscribe_messages=True, timeout=10):
                        news.set()
        except (RedisError, OSError) as error:
            _LOG.warning("webhooks are polled for while Redis does not answer: %s", type(error).__name__)
        except Exception as error:  # noqa: BLE001  without this task every event waits for the poll
            _LOG.error("the notifier was not woken\n%s", trace_of(error))
        await asyncio.sleep(POLL_S)
