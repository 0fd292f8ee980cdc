"""Silent name servers hold an eighth of the threads, however often their tenant asks, and keep nobody else waiting."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator

import pytest

from impasto.backends.gate import ResolvingGate, Unanswered
from impasto.backends.lookups import THREADS, THREADS_OF_ONE, Lookups
from impasto.webhook_places import read_url
from tests.notifier.receiver import Receiver

_PLACE = read_url("https://hooks.example/")


class Servers:
    """Name servers that say nothing about `silent` until they are told to."""

    def __init__(self) -> None:
        self.speak = threading.Event()
        self.asked: list[str] = []

    def __call__(self, host: str, port: int) -> list[str]:
        self.asked.append(host)
        if host == "silent":
            self.speak.wait(30)
        return ["8.8.8.8"]


@pytest.fixture
def servers() -> Iterator[Servers]:
    made = Servers()
    yield made
    made.speak.set()


def test_threads_that_outlive_their_askers_count_until_they_end(servers: Servers) -> None:
    lookups = Lookups(servers)

    async def look() -> None:
        for _ in range(2):
            askers = [asyncio.create_task(lookups("silent", 443, "slow")) for _ in range(40)]
            await asyncio.wait(askers, timeout=0.2)
            for asker in askers:
                asker.cancel()
            await asyncio.gather(*askers, return_exceptions=True)
        assert servers.asked == ["silent"] * THREADS_OF_ONE
        assert await lookups("hooks.example", 443, "quick") == ["8.8.8.8"]
        servers.speak.set()
        assert await asyncio.wait_for(lookups("hooks.example", 443, "slow"), 10) == ["8.8.8.8"]

    asyncio.run(look())
    assert THREADS_OF_ONE * 8 == THREADS


def test_a_name_server_that_does_not_answer_in_time_is_told_apart(
    servers: Servers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("impasto.backends.gate._PATIENCE_S", 0.1)
    lookups = Lookups(servers)

    async def resolver(host: str, port: int, whose: str) -> list[str]:
        return await lookups("silent", port, whose)

    async def look() -> None:
        gate = ResolvingGate(resolver=resolver)
        with pytest.raises(Unanswered):
            await gate.addresses(_PLACE, "tnt")
        assert (await gate.admit("https://hooks.example/", "tnt")).host == "hooks.example"

    asyncio.run(look())


def test_names_of_this_machine_are_looked_up() -> None:
    receiver = Receiver()

    async def look() -> list[str]:
        return await Lookups()("localhost", receiver.port, "tnt")

    found = asyncio.run(look())
    receiver.close()
    assert set(found) & {"127.0.0.1", "::1"}
    assert len(found) == len(set(found))
