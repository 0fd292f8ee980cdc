"""How fast a key may ask: counted by Redis, and by the database while Redis is away."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from impasto.backends.postgres.pools import api_pool
from impasto.backends.postgres.rates import take
from impasto.backends.rates import RedisRates, rates_of
from impasto.quotas import Rate
from impasto.settings import Settings
from impasto.testing.processes import eventually
from impasto.testing.stacks import Stack
from tests.asking import ask
from tests.quotas.gate import Gate

# Nothing comes back while a test runs.
_SLOW = Rate(per_s=0.001, burst=5)
# What is counted here is not how fast this machine is.
_PATIENT_S = 20.0
_BODY = {"kind": "test.stamp", "params": {"text": "x"}}


def _through(settings: Settings, gate: Gate) -> Settings:
    url = urlsplit(settings.redis_url)
    return replace(settings, redis_url=url._replace(netloc=url.netloc.replace(str(url.port), str(gate.port))).geturl())


@pytest.fixture
def gate(settings: Settings) -> Iterator[Gate]:
    port = urlsplit(settings.redis_url).port
    assert port is not None
    with Gate(port) as made:
        yield made


def test_a_key_that_is_far_from_its_rate_needs_few_round_trips_and_never_passes_it(settings: Settings) -> None:
    rate = Rate(per_s=500, burst=1000)

    async def main() -> None:
        rates = RedisRates(settings.redis_url, rate, answers_in_s=_PATIENT_S)
        try:
            began = asyncio.get_running_loop().time()
            before = await _scripts_run(rates)
            first = [await rates.take("far", rate) for _ in range(300)]
            assert all(found and found.passes for found in first)
            assert await _scripts_run(rates) - before < 200
            rest = [await rates.take("far", rate) for _ in range(1200)]
            passed = len(first) + sum(bool(found and found.passes) for found in rest)
            took = asyncio.get_running_loop().time() - began
            assert passed <= rate.burst + rate.per_s * took + 1
            assert passed >= rate.burst - 10
        finally:
            await rates.stop()

    asyncio.run(main())


def test_what_comes_while_a_key_is_asked_for_waits_for_that_answer(settings: Settings) -> None:
    rate = Rate(per_s=5000, burst=10_000)

    async def main() -> int:
        rates = RedisRates(settings.redis_url, rate, answers_in_s=_PATIENT_S)
        try:
            await rates.take("crowd", rate)
            before = await _scripts_run(rates)
            found = await asyncio.gather(*(rates.take("crowd", rate) for _ in range(60)))
            assert all(one and one.passes for one in found)
            return await _scripts_run(rates) - before
        finally:
            await rates.stop()

    assert asyncio.run(main()) == 1, "a hundred were taken at once, and sixty used"


def test_a_crowd_of_a_slow_key_waits_for_two_answers_and_not_for_one_after_the_other(settings: Settings) -> None:
    rate = Rate(per_s=50, burst=1000)  # one request is what it takes ahead

    async def main() -> int:
        rates = RedisRates(settings.redis_url, rate, answers_in_s=_PATIENT_S)
        try:
            await rates.take("slow", rate)
            before = await _scripts_run(rates)
            found = await asyncio.gather(*(rates.take("slow", rate) for _ in range(64)))
            assert all(one is None or one.passes for one in found)
            return await _scripts_run(rates) - before
        finally:
            await rates.stop()

    assert asyncio.run(main()) <= 3


def test_however_many_ask_at_once_redis_does_not_count_as_away(settings: Settings) -> None:
    rate = Rate(per_s=1000, burst=5000)

    async def main() -> None:
        rates = RedisRates(settings.redis_url, rate, answers_in_s=_PATIENT_S)
        try:
            await rates.take("warm", rate)
            asked = await asyncio.gather(*(rates._ask(f"key {number}", rate, 1) for number in range(300)))
            assert None in asked, "there are fewer connections than questions"
            assert not rates.away
            found = [await rates.take("one more", rate)]
            assert any(found)
        finally:
            await rates.stop()

    asyncio.run(main())


async def _scripts_run(rates: RedisRates) -> int:
    stats = await rates._client.info("commandstats")
    return sum(stats.get(f"cmdstat_{name}", {}).get("calls", 0) for name in ("evalsha", "eval"))


def test_as_many_as_the_burst_pass_at_once_and_then_one_each_step(settings: Settings) -> None:
    async def main() -> None:
        rates = RedisRates(settings.redis_url, _SLOW, answers_in_s=_PATIENT_S)
        try:
            first = [await rates.take("burst", _SLOW) for _ in range(5)]
            assert all(found and found.passes for found in first)
            assert [found.left for found in first if found] == [4, 3, 2, 1, 0]
            refused = await rates.take("burst", _SLOW)
            assert refused is not None
            assert not refused.passes
            assert 900 < refused.wait_s <= 1000
            assert 4900 < refused.full_in_s <= 5000
            other = await rates.take("another key", _SLOW)
            assert other is not None
            assert other.passes, "each key has a rate of its own"
            fast = Rate(per_s=10_000, burst=1)
            assert [
                found.passes
                for _ in range(3)
                if (found := await rates.take("fast", fast)) and not await asyncio.sleep(0.01)
            ] == [True] * 3, "a step is soon over"
        finally:
            await rates.stop()

    asyncio.run(main())


def test_however_many_ask_at_once_redis_lets_through_the_burst(settings: Settings) -> None:
    async def main() -> int:
        rates = RedisRates(settings.redis_url, _SLOW, answers_in_s=_PATIENT_S)

        async def one() -> bool:
            while (found := await rates.take("crowd", _SLOW)) is None:
                await asyncio.sleep(0.01)  # too many questions are open at this moment
            return found.passes

        try:
            return sum(await asyncio.gather(*(one() for _ in range(40))))
        finally:
            await rates.stop()

    assert asyncio.run(main()) == 5


@pytest.fixture
def tenant(stack: Stack) -> str:
    stack.key("first")
    return stack.tenants["first"]


def test_however_many_ask_at_once_the_database_lets_through_the_burst(settings: Settings, tenant: str) -> None:
    async def one(pool: AsyncConnectionPool[AsyncConnection[Any]], key: str) -> bool:
        async with pool.connection() as connection, connection.transaction():
            return (await take(connection, tenant, key, _SLOW)).passes

    async def main() -> list[int]:
        async with api_pool(settings.database_url) as pool:
            return [sum(await asyncio.gather(*(one(pool, key) for _ in range(30)))) for key in ("k1", "k2")]

    assert asyncio.run(main()) == [5, 5]


def test_another_rate_holds_from_the_next_request_on_in_the_database_as_well(settings: Settings, tenant: str) -> None:
    async def main() -> list[bool]:
        async with api_pool(settings.database_url) as pool, pool.connection() as connection:
            found = []
            for rate in [_SLOW] * 6 + [Rate(per_s=200, burst=2)] * 2:
                async with connection.transaction():
                    found.append((await take(connection, tenant, "changed", rate)).passes)
            return found

    assert asyncio.run(main()) == [True] * 5 + [False] + [True] * 2


def test_while_redis_is_away_nobody_asks_it_but_one_who_looks_and_later_it_counts_again(
    settings: Settings, gate: Gate
) -> None:
    async def main() -> None:
        rates = RedisRates(_through(settings, gate).redis_url, _SLOW)
        try:
            assert await rates.take("k", _SLOW)
            gate.opened = False
            assert await rates.take("k", _SLOW) is None
            assert rates.away
            made = gate.connections
            assert [await rates.take("k", _SLOW) for _ in range(1000)] == [None] * 1000
            assert gate.connections - made < 100, "a thousand requests were not a thousand attempts"
            gate.opened = True
            for _ in range(300):
                if not rates.away:
                    break
                await asyncio.sleep(0.1)
            found = await rates.take("k", _SLOW)
            assert found is not None
            assert found.left <= 3, "it has not forgotten"
        finally:
            await rates.stop()

    asyncio.run(main())


def until(send: Callable[[], httpx.Response]) -> httpx.Response:
    """The first refusal: on a busy machine Redis may be late for once, and a request is counted elsewhere."""
    return eventually(lambda: answer if (answer := send()).status_code == 429 else None, "it is refused")


def test_a_key_that_asks_too_fast_is_told_when_to_come_back_and_others_are_not_held_up(platform: Stack) -> None:
    name = "hasty"
    platform.key(name)
    answer = ask(platform, "GET", "/v1/usage", tenant=name)
    assert re.fullmatch(r'"key";q=2000;w=10', answer.headers["ratelimit-policy"])
    changed = ask(platform, "PATCH", f"/v1/tenants/{name}/limits", json={"requests_per_s": 0.001, "requests_burst": 3})
    assert changed.status_code == 200, changed.text
    passed = 0
    while (answer := ask(platform, "GET", "/v1/jobs", tenant=name)).status_code == 200:
        passed += 1
        assert passed < 30, "not even a slow Redis lets everybody through"
    assert (answer.status_code, passed >= 3) == (429, True)
    refused = until(lambda: ask(platform, "POST", "/v1/jobs", tenant=name, json=_BODY))
    problem = refused.json()
    assert (refused.status_code, problem["code"]) == (429, "rate_limited")
    assert problem["limit"] == {"requests_per_s": 0.001, "requests_burst": 3}
    assert 900 < int(refused.headers["retry-after"]) <= 1000
    assert problem["retry_after_s"] <= int(refused.headers["retry-after"])
    assert re.fullmatch(r'"key";r=0;t=\d+', refused.headers["ratelimit"])
    upload = until(lambda: ask(platform, "POST", "/v1/artworks", tenant=name, files={"files": ("a.png", b"x")}))
    assert (upload.status_code, upload.headers["retry-after"] > "0") == (429, True), "ingestion counts the same key"
    assert ask(platform, "GET", "/v1/jobs", tenant="second").status_code == 200
    ask(platform, "PATCH", f"/v1/tenants/{name}/limits", json={"requests_per_s": None, "requests_burst": None})
    assert ask(platform, "GET", "/v1/jobs", tenant=name).status_code == 200


@pytest.mark.parametrize("opened", [True, False], ids=["gone", "silent"])
def test_without_redis_reads_pass_and_submissions_are_counted_by_the_database(
    stack: Stack, gate: Gate, opened: bool
) -> None:
    gate.opened = opened
    stack.settings = replace(
        _through(stack.settings, gate) if not opened else replace(stack.settings, redis_url="redis://127.0.0.1:1/0"),
        requests_per_s="0.001",
        requests_burst="4",
    )
    stack.start_gateway()
    assert {ask(stack, "GET", "/v1/jobs").status_code for _ in range(20)} == {200}
    answers = [ask(stack, "POST", "/v1/jobs", json=_BODY) for _ in range(6)]
    assert [answer.status_code for answer in answers] == [202] * 4 + [429] * 2
    assert int(answers[-1].headers["retry-after"]) > 0
    assert ask(stack, "POST", "/v1/jobs", tenant="second", json=_BODY).status_code == 202


def test_a_client_waits_as_long_as_it_is_told_and_then_goes_on(stack: Stack) -> None:
    stack.settings = replace(stack.settings, requests_per_s="2", requests_burst="1")
    stack.start_gateway()
    client = stack.client()
    assert [client.usage().limits.requests_burst for _ in range(4)] == [1] * 4


def test_zero_requests_a_second_means_as_many_as_come(settings: Settings) -> None:
    assert rates_of(replace(settings, requests_per_s="0")) is None
