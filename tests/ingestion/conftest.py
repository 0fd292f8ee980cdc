"""One ingestion process on real servers for the module that asks for it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from impasto.backends.objects import S3Objects
from impasto.settings import Settings
from impasto.testing.databases import cloned_database
from impasto.testing.processes import Process
from impasto.testing.servers import Servers
from impasto.testing.stacks import Stack, stack_settings


@dataclass
class Ingestion:
    """A running ingestion and how to send to it."""

    stack: Stack
    process: Process

    @property
    def url(self) -> str:
        return self.stack.settings.ingestion_url

    def post(self, files: Any = None, data: dict[str, str] | None = None, tenant: str = "first", **rest: Any) -> Any:
        headers = {"Authorization": f"Bearer {self.stack.key(tenant)}"} | rest.pop("headers", {})
        files = [("files", file) for file in files] if files is not None else None
        url = f"{self.url}/v1/artworks"
        return httpx.post(url, files=files, data=data, headers=headers, timeout=120, trust_env=False, **rest)

    def left_on_disk(self) -> list[Path]:
        """What requests have left behind."""
        return list((self.stack.settings.data_folder / "ingestion").glob("process-*/*"))


def make_settings(servers: Servers, urls: Any, folder: Path, **changes: str) -> Settings:
    base = Settings.from_environment(
        {
            "IMPASTO_DATABASE_URL": urls.api,
            "IMPASTO_ENGINE_DATABASE_URL": urls.engine,
            "IMPASTO_S3_ENDPOINT": servers.s3_endpoint,
            "IMPASTO_S3_ACCESS_KEY": servers.s3_access_key,
            "IMPASTO_S3_SECRET_KEY": servers.s3_secret_key,
        }
    )
    settings = stack_settings(base, folder)
    S3Objects(settings).ensure_bucket()
    return stack_settings(settings, folder, **changes)


@pytest.fixture(scope="module")
def ingestion(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ingestion]:
    folder = tmp_path_factory.mktemp("ingestion")
    with cloned_database(servers.admin_url) as urls:
        stack = Stack(make_settings(servers, urls, folder), folder)
        try:
            yield Ingestion(stack, stack.start_ingestion())
        finally:
            stack.stop()
