"""Which servers the tests talk to, told by the servers themselves."""

from __future__ import annotations

import os

import psycopg
import redis

from impasto.testing.servers import Servers


def test_the_servers_are_those_that_were_asked_for(servers: Servers) -> None:
    with psycopg.connect(servers.admin_url) as connection:
        major = connection.info.server_version // 10_000
    product = redis.Redis.from_url(servers.redis_url).info("server").get("server_name", "redis")
    if os.environ.get("IMPASTO_TEST_SYSTEM"):
        assert (major, product) != (18, "valkey"), "the wheels' servers answered"
    else:
        assert (major, product) == (18, "valkey")


def test_what_is_committed_in_tests_is_what_the_platform_needs(servers: Servers) -> None:
    """Row-level security, SKIP LOCKED and xid8 are there in the oldest PostgreSQL that is supported."""
    with psycopg.connect(servers.admin_url) as connection:
        assert connection.info.server_version >= 150_000
