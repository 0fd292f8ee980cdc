"""Pools after an outage: whoever asks is served within seconds, however long nobody was."""

from __future__ import annotations

import time

from psycopg import OperationalError
from psycopg_pool import PoolTimeout

from impasto.backends.postgres.pools import engine_pool
from impasto.testing.databases import DatabaseUrls
from impasto.testing.processes import eventually
from impasto.testing.servers import Servers
from tests.faults.conftest import through
from tests.faults.proxy import Proxy


def test_a_pool_connects_again_within_seconds_of_a_long_outage(servers: Servers, database: DatabaseUrls) -> None:
    with Proxy(servers.ports["postgres"]) as proxy, engine_pool(through(database.engine, proxy)) as pool:

        def asks() -> bool:
            try:
                with pool.connection(timeout=1) as connection:
                    connection.execute("SELECT 1")
                return True
            except (OperationalError, PoolTimeout):
                return False

        assert asks()
        proxy.cut()
        # Pauses that double would be of 16 seconds by now.
        until = time.monotonic() + 18
        while time.monotonic() < until:
            assert not asks()
        proxy.heal()
        began = time.monotonic()
        eventually(asks, "the pool serves again", 30)
        assert time.monotonic() - began < 9
