"""Wakes event streams when a job has news: one Redis subscription for the whole process, and a poll without it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import defaultdict
from collections.abc import Callable
from typing import Final

import redis.asyncio as redis
from redis.exceptions import RedisError

from impasto.backends.bells import ANY_TENANT, EVENTS_CHANNEL, TENANTS_CHANNEL
from impasto.faults import trace_of

_LOG = logging.getLogger("impasto.awakening")
POLL_S: Final = 2.0
# Without news for so long, Redis is asked whether it is there; without an answer for as long again it is not.
_SILENT_S: Final = 3.0


class Awakener:
    """Who watches a job is woken at its news; `hears` is false while Redis does not answer and nobody would be."""

    def __init__(
        self,
        redis_url: str,
        *,
        on_job: Callable[[str | None], None] = lambda _: None,
        on_tenant: Callable[[str | None], None] = lambda _: None,
    ) -> None:
        """`on_job` and `on_tenant` are told of whom there is news; None: maybe of any."""
        self._url, self._on_job, self._on_tenant = redis_url, on_job, on_tenant
        self._waiting: dict[str, set[asyncio.Event]] = defaultdict(set)
        self._task: asyncio.Task[None] | None = None
        self.hears = False

    def start(self) -> None:
        self._task = asyncio.create_task(self._listen_for_ever())

    async def stop(self) -> None:
        if self._task:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def wait(self, event: asyncio.Event, most_s: float = POLL_S) -> None:
        """Until `event`, which `watch` gave, is set, or `most_s` have passed; then clears it."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(event.wait(), most_s)
        event.clear()

    def watch(self, job_id: str) -> asyncio.Event:
        """An event that is set at each piece of news; hand it back to `unwatch`."""
        event = asyncio.Event()
        self._waiting[job_id].add(event)
        return event

    def unwatch(self, job_id: str, event: asyncio.Event) -> None:
        self._waiting[job_id].discard(event)
        if not self._waiting[job_id]:
            del self._waiting[job_id]

    async def _listen_for_ever(self) -> None:
        while True:
            try:
                async with (
                    redis.from_url(self._url, health_check_interval=10, socket_connect_timeout=_SILENT_S) as client,
                    client.pubsub() as channel,
                ):
                    async with asyncio.timeout(_SILENT_S):
                        await channel.subscribe(EVENTS_CHANNEL, TENANTS_CHANNEL)
                    self.hears = True
                    # News of the time before was told to nobody.
                    for job_id in list(self._waiting):
                        self._wake(job_id)
                    self._on_job(None)
                    self._on_tenant(None)
                    await self._hear_all(channel)
            except (RedisError, OSError) as error:
                _LOG.warning("event streams poll while Redis does not answer: %s", error)
                await asyncio.sleep(POLL_S)
            except Exception as error:  # noqa: BLE001  without this task every stream only polls
                _LOG.error("event streams were not woken\n%s", trace_of(error))
                await asyncio.sleep(POLL_S)
            finally:
                self.hears = False

    async def _hear_all(self, channel: redis.client.PubSub) -> None:
        """Wakes who is told of.

        Raises:
            TimeoutError: the subscription is silent: nothing would ever come through it.
        """
        asked = False
        while True:
            # What confirms a subscription is a sign of life as well: ignored, it would look like silence.
            message = await channel.get_message(timeout=_SILENT_S)
            if message is None:
                if asked:
                    raise TimeoutError("it says nothing")
                await channel.ping("awake")
            elif message["type"] == "message":
                self._hear(message["channel"].decode(errors="replace"), message["data"].decode(errors="replace"))
            asked = message is None

    def _hear(self, channel: str, whose: str) -> None:
        if channel == TENANTS_CHANNEL:
            self._on_tenant(None if whose == ANY_TENANT else whose)
            return
        for job_id in whose.split():
            self._wake(job_id)
            self._on_job(job_id)

    def _wake(self, job_id: str) -> None:
        for event in self._waiting.get(job_id, ()):
            event.set()
