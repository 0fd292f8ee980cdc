"""Servers and processes for one benchmark, on free ports and in a folder of their own."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from impasto.backends.objects import S3Objects
from impasto.settings import Settings
from impasto.testing.databases import DatabaseUrls, cloned_database, make_template
from impasto.testing.servers import Servers
from impasto.testing.stacks import Stack, stack_settings


@contextmanager
def platform(**changes: str) -> Iterator[Stack]:
    """A stack with servers and a database of its own; what starts on it is stopped."""
    with Servers() as servers, stack_of(servers, **changes) as stack:
        yield stack


@contextmanager
def stack_of(servers: Servers, **changes: str) -> Iterator[Stack]:
    """A stack with a database of its own on servers that are there."""
    make_template(servers.admin_url)
    with (
        tempfile.TemporaryDirectory() as folder,
        cloned_database(servers.admin_url) as urls,
        stack_on(servers, urls, Path(folder), **changes) as stack,
    ):
        yield stack


@contextmanager
def stack_on(servers: Servers, urls: DatabaseUrls, folder: Path, **changes: str) -> Iterator[Stack]:
    """A stack on servers and a database that are there."""
    base = Settings.from_environment(
        {
            "IMPASTO_DATABASE_URL": urls.api,
            "IMPASTO_ENGINE_DATABASE_URL": urls.engine,
            "IMPASTO_REDIS_URL": servers.redis_url,
            "IMPASTO_S3_ENDPOINT": servers.s3_endpoint,
            "IMPASTO_S3_ACCESS_KEY": servers.s3_access_key,
            "IMPASTO_S3_SECRET_KEY": servers.s3_secret_key,
            "IMPASTO_WEBHOOK_SECRET_KEY": "only-for-measuring-" * 2,
        }
    )
    # Requests are counted as always, but none is too many.
    free = {"requests_per_s": "1000000", "requests_burst": "1000000"}
    stack = Stack(stack_settings(base, folder, **{**free, **changes}), folder)
    S3Objects(stack.settings).ensure_bucket()
    try:
        yield stack
    finally:
        stack.stop()


def models_folder() -> str:
    """Pretrained weights, fetched where they are missing."""
    from impasto_ml.pretrained import fetch

    folder = Path(os.environ.get("IMPASTO_MODELS", ".impasto/models")).absolute()
    fetch(folder)
    return str(folder)
