"""One tenant's uploads leave places for the others."""

from __future__ import annotations

import asyncio
import socket
import time
from contextlib import ExitStack
from urllib.parse import urlsplit

import pytest

from impasto.testing.processes import eventually
from impasto_ingestion import limits
from impasto_ingestion.places import Places
from tests.ingestion.conftest import Ingestion
from tests.ingestion.test_uploads import result, unique


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.mark.anyio
async def test_a_tenant_waits_for_its_own_places_while_another_finds_one() -> None:
    places, leave, inside = Places(3, 2), asyncio.Event(), list[str]()

    async def upload(tenant_id: str) -> None:
        async with places.taken_by(tenant_id):
            inside.append(tenant_id)
            await leave.wait()

    async with asyncio.timeout(5), asyncio.TaskGroup() as group:
        for tenant_id in ["a"] * 5 + ["b", "b"]:
            group.create_task(upload(tenant_id))
        await asyncio.sleep(0.05)
        assert inside == ["a", "a", "b"]
        assert len(places) == 2
        leave.set()
    assert sorted(inside) == ["a"] * 5 + ["b", "b"]
    assert len(places) == 0


@pytest.mark.anyio
async def test_who_gives_up_waiting_leaves_nothing_behind() -> None:
    places = Places(1, 1)
    async with places.taken_by("a"):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05), places.taken_by("b"):
                pytest.fail("there is no place")
        assert len(places) == 1
    async with asyncio.timeout(1), places.taken_by("b"):
        pass
    assert len(places) == 0


def test_uploads_that_hang_keep_no_other_tenant_waiting(ingestion: Ingestion) -> None:
    address = urlsplit(ingestion.url)
    head = (
        f"POST /v1/artworks HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {ingestion.stack.key('first')}\r\n"
        f"Content-Type: multipart/form-data; boundary=x\r\nContent-Length: {9 << 20}\r\n\r\n--x\r\n"
    )
    with ExitStack() as wires:
        for _ in range(limits.MOST_UPLOADS_AT_ONCE):
            wire = wires.enter_context(socket.create_connection((str(address.hostname), int(address.port or 0))))
            wire.sendall(head.encode())
        most = limits.MOST_UPLOADS_OF_A_TENANT
        eventually(lambda: len(ingestion.left_on_disk()) >= most, "the tenant's places are taken")
        time.sleep(0.5)  # those that are to wait have come by then
        assert len(ingestion.left_on_disk()) == most
        assert result(ingestion.post([("a.png", unique())], tenant="second")).accepted == 1
