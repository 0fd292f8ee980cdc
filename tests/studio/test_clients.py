"""One client a key: kept while somebody holds it or has just asked for it, then closed."""

from __future__ import annotations

import asyncio

import pytest

from impasto.client import AsyncClient
from impasto.errors import Unavailable
from impasto_studio.clients import Clients

_NOWHERE = "http://127.0.0.1:9"


async def _is_closed(client: AsyncClient) -> bool:
    try:
        await client.about()
    except Unavailable:
        return False
    except RuntimeError as error:
        return "closed" in str(error)
    raise AssertionError("somebody answers at port 9")


def test_a_key_has_one_client() -> None:
    async def use() -> None:
        async with Clients(_NOWHERE) as clients:
            assert clients.of("key-one") is clients.of("key-one")
            assert clients.of("key-two") is not clients.of("key-one")
            assert len(clients) == 2

    asyncio.run(use())


def test_however_many_keys_come_nobodys_client_is_closed() -> None:
    async def use() -> None:
        async with Clients(_NOWHERE) as clients:
            mine = clients.of("mine")
            for number in range(80):
                clients.of(f"key-{number}")
            await clients.close_idle()
            assert clients.of("mine") is mine
            assert not await _is_closed(mine)

    asyncio.run(use())


def test_a_client_that_rests_is_closed_unless_somebody_holds_it() -> None:
    async def use() -> None:
        async with Clients(_NOWHERE, idle_s=0) as clients:
            held, idle = clients.of("held"), clients.of("idle")
            first, second = clients.hold("held"), clients.hold("held")
            first()
            await clients.close_idle()
            assert len(clients) == 1
            assert clients.of("held") is held
            assert await _is_closed(idle)
            assert not await _is_closed(held)
            second()
            await clients.close_idle()
            assert len(clients) == 0
            assert await _is_closed(held)

    asyncio.run(use())


def test_a_client_on_trial_is_the_callers_alone() -> None:
    async def use() -> None:
        async with Clients(_NOWHERE) as clients:
            async with clients.on_trial("who-knows") as trial:
                assert not await _is_closed(trial)
            assert await _is_closed(trial)
            assert len(clients) == 0

    asyncio.run(use())


def test_the_end_closes_every_client() -> None:
    async def use() -> None:
        async with Clients(_NOWHERE) as clients:
            kept = clients.of("key-one")
            clients.hold("key-one")
        with pytest.raises(RuntimeError):
            await kept.about()

    asyncio.run(use())
