"""The whole platform of a run: real servers behind proxies, two gateways, two reconcilers, workers in their places."""

from __future__ import annotations

import os
import signal
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import psutil
import psycopg

from impasto.backends.objects import S3Objects
from impasto.settings import Settings
from impasto.testing.databases import migrated_database
from impasto.testing.processes import Process, answers, eventually, free_port
from impasto.testing.servers import Servers
from impasto.testing.stacks import Stack, stack_settings
from tests.faults.proxy import Proxy

WORKERS: Final = 4
SLOTS: Final = 4
TENANTS: Final = ("first", "second", "third")


@dataclass
class Place:
    """A host's place for a process: whatever dies there is started again, under its name."""

    role: str
    name: str
    process: Process
    paused: bool = False
    leaving: bool = False

    def kill(self) -> None:
        """kill -9 of all its group, and whoever waits for it is told."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def runners(self) -> list[psutil.Process]:
        try:
            children = psutil.Process(self.process.pid).children()
            return [child for child in children if "impasto_worker.runner_child" in child.cmdline()]
        except psutil.Error:
            return []


@dataclass
class Scene:
    """What a run breaks. Everything here is called from the main thread alone."""

    servers: Servers
    redis: Proxy
    stack: Stack
    gateways: list[str] = field(default_factory=list)
    places: list[Place] = field(default_factory=list)
    _hosts: int = 0

    def start(self) -> None:
        for port in (int(self.stack.settings.gateway_port), free_port()):
            url = f"http://127.0.0.1:{port}"
            self.gateways.append(url)
            self.places.append(
                Place("gateway", url, self.stack.start("impasto_gateway", IMPASTO_GATEWAY_PORT=str(port)))
            )
        for number in (1, 2):
            self.places.append(Place("reconciler", f"reconciler-{number}", self.stack.start("impasto_reconciler")))
        for _ in range(WORKERS):
            self.new_host()
        for url in self.gateways:
            eventually(lambda url=url: answers(f"{url}/readyz"), f"{url} is ready")  # type: ignore[misc]
        for tenant in TENANTS:
            self.stack.key(tenant)
        known = "SELECT count(*) FROM workers"
        eventually(lambda: self.stack.sql(known) == [(WORKERS,)], "all workers are known", 60)

    def new_host(self) -> None:
        """A worker under a name that nobody had."""
        self._hosts += 1
        name = f"host-{self._hosts}"
        self.places.append(Place("worker", name, self._worker(name)))

    def of(self, role: str) -> list[Place]:
        """Places of that role whose process goes on and is left alone."""
        return [p for p in self.places if p.role == role and not (p.paused or p.leaving) and p.process.alive]

    def busy(self) -> set[str]:
        """The workers that have jobs, as far as the database tells at this moment."""
        try:
            with psycopg.connect(self.stack.settings.engine_database_url, connect_timeout=1) as connection:
                found = connection.execute("SELECT DISTINCT worker FROM jobs WHERE state = 'running'").fetchall()
        except psycopg.OperationalError:
            return set()
        return {row[0] for row in found}

    def tend(self) -> None:
        """Starts again whatever has ended, as a supervisor does."""
        for place in self.places:
            if not place.process.alive:
                place.leaving = place.paused = False
                place.process.start()

    def _worker(self, name: str) -> Process:
        return self.stack.start(
            "impasto_worker", "worker", "--name", name, "--queues", "test", "--slots", str(SLOTS), "--threads", "1"
        )


@contextmanager
def whole_scene() -> Iterator[Scene]:
    """On servers of its own, with the leases, sweeps and graces of production."""
    with Servers() as servers, Proxy(servers.ports["redis"]) as redis, tempfile.TemporaryDirectory() as folder:
        urls = migrated_database(servers.admin_url)
        password = urlsplit(servers.redis_url).password
        base = Settings.from_environment({
            "IMPASTO_DATABASE_URL": urls.api,
            "IMPASTO_ENGINE_DATABASE_URL": urls.engine,
            "IMPASTO_REDIS_URL": f"redis://:{password}@127.0.0.1:{redis.port}/0",
            "IMPASTO_S3_ENDPOINT": servers.s3_endpoint,
            "IMPASTO_S3_ACCESS_KEY": servers.s3_access_key,
            "IMPASTO_S3_SECRET_KEY": servers.s3_secret_key,
        })  # fmt: skip
        settings = stack_settings(base, Path(folder))
        S3Objects(settings).ensure_bucket()
        scene = Scene(servers, redis, Stack(settings, Path(folder)))
        try:
            scene.start()
            yield scene
        finally:
            for place in scene.places:
                if place.paused:
                    place.process.signal(signal.SIGCONT)
            scene.stack.stop()
