"""Request rates in Redis, by Redis' clock: one round trip a request, or a few of those that are far from their rate.

While Redis is away nobody waits for it.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import time
from collections import Counter
from contextvars import Context
from typing import Final

import redis.asyncio as redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import MaxConnectionsError, RedisError

from impasto.faults import trace_of
from impasto.quotas import Rate, Taken, taken
from impasto.settings import Settings

_LOG = logging.getLogger("impasto.rates")
# Long enough for a Redis that is only busy.
_ANSWERS_IN_S: Final = 0.25
# While a question has been open for so long nobody asks another: in the moment of its loss few wait for Redis.
_SLOW_S: Final = 0.03
_LOOKS_EVERY_S: Final = 1.0
_MOST_CONNECTIONS: Final = 64
# A key that is far from its rate takes so many seconds' worth of requests in one round trip, and has so long for them.
_TAKES_S: Final = 0.02
_KEEPS_S: Final = 0.1
_MOST_REMEMBERED: Final = 10_000

# The generic cell rate algorithm. Kept is the theoretical arrival time, for as long as it is ahead of now.
_SCRIPT: Final = """
local clock = redis.call('TIME')
local now = clock[1] + clock[2] / 1000000
local step, burst, count = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local arrival = math.max(tonumber(redis.call('GET', KEYS[1]) or '0'), now)
if arrival + step * count - now > step * burst + 0.000001 then
    return {0, string.format('%.6f', arrival - now)}
end
arrival = arrival + step * count
redis.call('SET', KEYS[1], string.format('%.6f', arrival), 'PX', math.ceil((arrival - now) * 1000) + 1)
return {1, string.format('%.6f', arrival - now)}
"""


def rates_of(settings: Settings) -> RedisRates | None:
    """The rates that these settings ask for; None if requests are not limited."""
    rate = Rate(float(settings.requests_per_s), int(settings.requests_burst))
    return RedisRates(settings.redis_url, rate) if settings.redis_url and rate.per_s > 0 else None


class RedisRates:
    """`away` says that Redis did not answer: then nobody asks it but a task that looks whether it is back."""

    def __init__(self, redis_url: str, rate: Rate, *, answers_in_s: float = _ANSWERS_IN_S) -> None:
        self.rate, self._answers_in_s = rate, answers_in_s
        self.away = False
        # What was taken for a key and not used yet: how many requests, until when, and what was said of them.
        self._taken: dict[str, tuple[int, float, Taken]] = {}
        # Keys for which somebody takes several at this moment, and how many wait for that.
        self._asking: dict[str, asyncio.Event] = {}
        self._waiting: Counter[str] = Counter()
        # When the questions were asked that have no answer yet, the oldest first.
        self._open: dict[int, float] = {}
        self._numbers = itertools.count()
        self._client = redis.Redis.from_url(
            redis_url,
            socket_timeout=answers_in_s,
            socket_connect_timeout=answers_in_s,
            max_connections=_MOST_CONNECTIONS,
            retry=Retry(NoBackoff(), 0),
        )
        self._script = self._client.register_script(_SCRIPT)
        self._looking: asyncio.Task[None] | None = None

    async def stop(self) -> None:
        if self._looking:
            self._looking.cancel()
            await asyncio.gather(self._looking, return_exceptions=True)
        await self._client.aclose()

    def rate_of(self, per_s: float | None, burst: int | None) -> Rate:
        """The rate of a tenant that has this of its own."""
        return Rate(per_s or self.rate.per_s, burst or self.rate.burst)

    async def take(self, key_id: str, rate: Rate) -> Taken | None:
        """Counts a request of this key; None if Redis cannot say."""
        # Another rate begins anew: what was asked under a slower one must not be waited for.
        name = f"impasto:rate:{key_id}:{rate.per_s:g}:{rate.burst}"
        slow_from = time.monotonic() + min(_SLOW_S, self._answers_in_s)
        while (before := self._use(name)) is None:
            waited = name in self._asking and time.monotonic() > slow_from
            if self.away or self._is_slow() or waited:
                return None
            # Near its rate a key is counted exactly, one by one.
            said = self._taken.get(name)
            if said is None or said[2].left < rate.burst / 2:
                return self._remember(name, 0, await self._ask(name, rate, 1))
            if name not in self._asking:
                return await self._take_many(name, rate, said[2].left)
            await self._wait_for(name)
        return before

    async def _wait_for(self, name: str) -> None:
        """For whoever takes several of this key, which are for all who come meanwhile."""
        self._waiting[name] += 1
        try:
            await self._asking[name].wait()
        finally:
            self._waiting[name] -= 1
            if not self._waiting[name]:
                del self._waiting[name]

    async def _take_many(self, name: str, rate: Rate, left: int) -> Taken | None:
        # For a while ahead, and for all that wait at this moment; not further than to where it is counted exactly.
        many = max(int(rate.per_s * _TAKES_S), 1 + self._waiting[name])
        many = max(1, min(many, int(left - rate.burst / 2)))
        asking = self._asking[name] = asyncio.Event()
        try:
            answer = await self._ask(name, rate, many)
            if answer is not None and many > 1 and not answer.passes:
                many, answer = 1, await self._ask(name, rate, 1)  # others have asked meanwhile
            return self._remember(name, many - 1, answer)
        finally:
            del self._asking[name]
            asking.set()

    def _use(self, name: str) -> Taken | None:
        """One of those that were taken before, if there is one."""
        count, until, before = self._taken.get(name, (0, 0.0, None))
        if before is None or not count or time.monotonic() >= until:
            return None
        self._taken[name] = (count - 1, until, before)
        return before

    def _remember(self, name: str, count: int, answer: Taken | None) -> Taken | None:
        if answer is None:
            return None
        if len(self._taken) > _MOST_REMEMBERED:
            self._taken.clear()
        kept, until, _ = self._taken.get(name, (0, 0.0, None))
        kept = kept if time.monotonic() < until else 0  # somebody else's, counted already
        self._taken[name] = (kept + (count if answer.passes else 0), time.monotonic() + _KEEPS_S, answer)
        return answer

    async def _ask(self, name: str, rate: Rate, many: int) -> Taken | None:
        number = next(self._numbers)
        self._open[number] = time.monotonic()
        try:
            async with asyncio.timeout(self._answers_in_s):
                passes, ahead = await self._script([name], [repr(1 / rate.per_s), rate.burst, many])
        except MaxConnectionsError:
            return None  # so many at once say nothing of Redis
        except (RedisError, OSError, TimeoutError) as error:
            self._lose(error)
            return None
        finally:
            del self._open[number]
        return taken(rate, float(ahead), passes=bool(passes))

    def _is_slow(self) -> bool:
        oldest = next(iter(self._open.values()), None)
        return oldest is not None and time.monotonic() - oldest > min(_SLOW_S, self._answers_in_s)

    def _lose(self, error: BaseException) -> None:
        if not self.away:
            self.away = True
            _LOG.warning("requests are counted by the database, Redis does not answer: %s", type(error).__name__)
            self._looking = asyncio.create_task(self._look_until_back(), context=Context())

    async def _look_until_back(self) -> None:
        while True:
            await asyncio.sleep(_LOOKS_EVERY_S)
            try:
                await self._client.ping()
            except (RedisError, OSError, TimeoutError):
                continue
            except Exception as error:  # noqa: BLE001  without this task Redis would never be asked again
                _LOG.error("whether Redis is back is not known\n%s", trace_of(error))
                continue
            self.away = False
            _LOG.info("Redis is back: it counts requests again")
            return
