"""A stack: the platform's own processes on one database, for a test or for all of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

import psycopg

from impasto.backends.postgres.bootstrap import bootstrap
from impasto.settings import Settings
from impasto.testing.processes import Process, answers, eventually, free_port, stop_all


@dataclass
class Stack:
    """Processes on shared settings. `client()` is a real client of the real gateway."""

    settings: Settings
    folder: Path
    environment: dict[str, str] = field(default_factory=dict)
    processes: list[Process] = field(default_factory=list)
    keys: dict[str, str] = field(default_factory=dict)
    tenants: dict[str, str] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.settings.gateway_port}"

    @property
    def api_key(self) -> str:
        return self.key("first")

    @property
    def other_api_key(self) -> str:
        return self.key("second")

    def key(self, tenant: str) -> str:
        """A key with every scope, of a tenant that is made at first use; only the first runs the platform."""
        if tenant not in self.keys:
            self.tenants[tenant], self.keys[tenant] = bootstrap(
                self.settings.engine_database_url, tenant, operate=tenant == "first"
            )
        return self.keys[tenant]

    def client(self, tenant: str = "first") -> Any:
        """A client for that tenant."""
        from impasto import Client  # only tests that use it pay for it

        return Client(url=self.url, api_key=self.key(tenant))

    def start(self, module: str, *arguments: str, **environment: str) -> Process:
        """Starts a process of the platform with this stack's settings."""
        variables = {f.metadata["variable"]: asdict(self.settings)[f.name] for f in fields(Settings)}
        log = self.folder / f"{module}-{len(self.processes)}.log"
        process = Process(
            module, *arguments, environment={**variables, **self.environment, **environment}, log=log
        ).start()
        self.processes.append(process)
        return process

    def start_gateway(self) -> Process:
        process = self.start("impasto_gateway")
        eventually(lambda: answers(f"{self.url}/readyz"), "the gateway is ready")
        return process

    def start_ingestion(self) -> Process:
        process = self.start("impasto_ingestion")
        eventually(lambda: answers(f"{self.settings.ingestion_url}/readyz"), "ingestion is ready")
        return process

    def start_reconciler(self) -> Process:
        return self.start("impasto_reconciler")

    def start_notifier(self) -> Process:
        """Starts a notifier and waits until it has said that it is ready."""
        ready = self.folder / f"notifier-{len(self.processes)}.ready"
        process = self.start("impasto_notifier", IMPASTO_READY_FILE=str(ready))
        eventually(ready.exists, f"the notifier is ready; see {process.log}")
        return process

    def start_worker(self, name: str, queues: Sequence[str], slots: int = 2, **environment: str) -> Process:
        """Starts a worker and waits until it has made itself known."""
        process = self.start(
            "impasto_worker", "worker", "--name", name, "--queues", ",".join(queues), "--slots", str(slots),
            **environment,
        )  # fmt: skip
        self.await_worker(name, process)
        return process

    def await_worker(self, name: str, process: Process) -> None:
        """Waits until this process has made itself known as that worker: from then on it drains when told to stop."""
        eventually(lambda: self._known(name, process.pid), f"worker {name} is known; see {process.log}")

    def stop(self) -> None:
        stop_all(self.processes[::-1])

    def sql(self, query: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Looks into the database, as role impasto_engine."""
        with psycopg.connect(self.settings.engine_database_url, autocommit=True) as connection:
            cursor = connection.execute(query, values)
            return cursor.fetchall() if cursor.description else []

    def _known(self, name: str, pid: int) -> bool:
        return bool(self.sql("SELECT 1 FROM workers WHERE name = %s AND pid = %s", [name, pid]))


def stack_settings(base: Settings, folder: Path, **changes: str) -> Settings:
    """Settings of a stack of its own ports and data folder."""
    gateway, ingestion = free_port(), free_port()
    values = {
        **asdict(base),
        "data": str(folder / "data"),
        "gateway_port": str(gateway),
        "ingestion_port": str(ingestion),
        "ingestion_url": f"http://127.0.0.1:{ingestion}",
        **changes,
    }
    return Settings(**values)
