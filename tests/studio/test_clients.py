"""One client a key, and the longest unused go first."""

from __future__ import annotations

import asyncio

import pytest

from impasto_studio.clients import Clients


def test_a_key_has_one_client_and_the_oldest_is_closed_when_there_are_too_many() -> None:
    async def use() -> None:
        async with Clients("http://127.0.0.1:9", most=2) as clients:
            first, second = clients.of("key-one"), clients.of("key-two")
            assert clients.of("key-one") is first
            clients.of("key-three")
            assert len(clients) == 2
            assert clients.of("key-one") is first
            assert clients.of("key-two") is not second

    asyncio.run(use())


def test_the_end_closes_every_client() -> None:
    async def use() -> None:
        async with Clients("http://127.0.0.1:9") as clients:
            kept = clients.of("key-one")
        with pytest.raises(RuntimeError):
            await kept.about()

    asyncio.run(use())
