"""Servers of a test's own, which it may stop and start, and proxies before those of the session."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import pytest

from impasto.backends.objects import S3Objects
from impasto.settings import Settings
from impasto.testing.databases import migrated_database
from impasto.testing.servers import Servers
from impasto.testing.stacks import Stack, stack_settings
from tests.faults.proxy import Proxy


@dataclass
class Own:
    """A stack on servers that nobody else uses, with the leases, sweeps and graces of production."""

    servers: Servers
    stack: Stack


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Own]:
    with Servers() as servers:
        urls = migrated_database(servers.admin_url)
        base = Settings.from_environment({
            "IMPASTO_DATABASE_URL": urls.api,
            "IMPASTO_ENGINE_DATABASE_URL": urls.engine,
            "IMPASTO_REDIS_URL": servers.redis_url + "/0",
            "IMPASTO_S3_ENDPOINT": servers.s3_endpoint,
            "IMPASTO_S3_ACCESS_KEY": servers.s3_access_key,
            "IMPASTO_S3_SECRET_KEY": servers.s3_secret_key,
        })  # fmt: skip
        settings = stack_settings(base, tmp_path)
        S3Objects(settings).ensure_bucket()
        stack = Stack(settings, tmp_path)
        try:
            yield Own(servers, stack)
        finally:
            stack.stop()


@pytest.fixture
def redis_proxy(servers: Servers, stack: Stack) -> Iterator[Proxy]:
    """Between this stack and its Redis."""
    with Proxy(servers.ports["redis"]) as proxy:
        stack.settings = replace(stack.settings, redis_url=through(stack.settings.redis_url, proxy))
        yield proxy
        proxy.heal(resume=True)
        stack.stop()


def through(url: str, proxy: Proxy) -> str:
    """The same address by way of the proxy."""
    parts = urlsplit(url)
    who = parts.netloc.rpartition("@")[0]
    return urlunsplit(parts._replace(netloc=f"{who}@127.0.0.1:{proxy.port}" if who else f"127.0.0.1:{proxy.port}"))
