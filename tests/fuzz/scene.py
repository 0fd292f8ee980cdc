"""The platform of a run: gateway, ingestion, reconciler, and one worker for the plug-in's kinds."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from impasto.backends.objects import S3Objects
from impasto.settings import Settings
from impasto.testing.databases import migrated_database
from impasto.testing.servers import Servers
from impasto.testing.stacks import Stack, stack_settings

_PLUGIN: Final = str(Path(__file__).parents[1] / "plugin")


@contextmanager
def whole_scene() -> Iterator[Stack]:
    """On servers of its own. No key is counted, so that a run is as fast as the gateway."""
    with with_plugin(), Servers() as servers, tempfile.TemporaryDirectory() as folder:
        urls = migrated_database(servers.admin_url)
        base = Settings.from_environment({
            "IMPASTO_DATABASE_URL": urls.api,
            "IMPASTO_ENGINE_DATABASE_URL": urls.engine,
            "IMPASTO_REDIS_URL": f"{servers.redis_url.rstrip('/')}/0",
            "IMPASTO_S3_ENDPOINT": servers.s3_endpoint,
            "IMPASTO_S3_ACCESS_KEY": servers.s3_access_key,
            "IMPASTO_S3_SECRET_KEY": servers.s3_secret_key,
            "IMPASTO_WEBHOOK_SECRET_KEY": "only-for-tests-" * 3,
        })  # fmt: skip
        stack = Stack(stack_settings(base, Path(folder), requests_per_s="0"), Path(folder))
        S3Objects(stack.settings).ensure_bucket()
        try:
            start(stack)
            yield stack
        finally:
            stack.stop()


def start(stack: Stack) -> None:
    """Starts what answers. No notifier: addresses that are made up are never called."""
    stack.start_gateway()
    stack.start_ingestion()
    stack.start_reconciler()
    stack.start_worker("fuzz", ["test"], slots=2)
    for tenant in ("first", "second"):
        stack.key(tenant)


@contextmanager
def with_plugin() -> Iterator[None]:
    """The plug-in's kinds are known to every process that is started meanwhile."""
    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [_PLUGIN, before]))
    sys.path.insert(0, _PLUGIN)
    try:
        yield
    finally:
        sys.path.remove(_PLUGIN)
        if before is None:
            del os.environ["PYTHONPATH"]
        else:
            os.environ["PYTHONPATH"] = before
