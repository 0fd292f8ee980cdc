"""Real PostgreSQL, Redis and S3 servers of a test session, on free ports, in a folder of their own."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType

from impasto.embedded.cluster import FOR_TESTS, Cluster
from impasto.embedded.credentials import Credentials
from impasto.embedded.layout import Layout
from impasto.embedded.part import Part
from impasto.embedded.ports import choose as choose_ports
from impasto.embedded.processes import signal_group, spawn
from impasto.embedded.resolve import choose
from impasto.embedded.stores import redis_part, s3_part

READY_S = 30.0


class Servers:
    """A context that holds the three servers; they end with it, and with the process if that is killed.

    `system=True` takes the environment's PATH first, as `impasto up` does; the default takes the pinned wheels,
    so that every machine tests against the same servers. `durable=True` writes to the disk as the platform's own
    servers do, for measurements; `postgres` are further settings of PostgreSQL.
    """

    def __init__(
        self,
        folder: Path | None = None,
        *,
        system: bool = False,
        durable: bool = False,
        postgres: Mapping[str, str] | None = None,
    ) -> None:
        self._given, self._system, self._durable = folder, system, durable
        self._postgres = {**({} if durable else FOR_TESTS), **(postgres or {})}
        self._processes: list[tuple[Part, subprocess.Popen[bytes]]] = []
        self._cluster: Cluster | None = None
        self.credentials = Credentials.make()
        self.ports = choose_ports()

    @property
    def admin_url(self) -> str:
        """PostgreSQL as its superuser, database `impasto`."""
        assert self._cluster
        return self._cluster.url(self.ports["postgres"], self.credentials.postgres_password)

    @property
    def redis_url(self) -> str:
        """Without a database number: each test appends its own."""
        return f"redis://:{self.credentials.redis_password}@127.0.0.1:{self.ports['redis']}"

    @property
    def s3_endpoint(self) -> str:
        return f"http://127.0.0.1:{self.ports['s3']}"

    @property
    def s3_access_key(self) -> str:
        return self.credentials.s3_access_key

    @property
    def s3_secret_key(self) -> str:
        return self.credentials.s3_secret_key

    def start(self) -> Servers:
        """Starts all three side by side and waits until they are ready.

        Raises:
            TimeoutError: one is not ready in time; the message is the end of its log.
        """
        self.folder = self._given or Path(tempfile.mkdtemp(prefix="impasto-servers-"))
        layout = Layout(self.folder)
        layout.make()
        # Nothing in the environment names a server here: tests never touch one that somebody else uses.
        environment = {"PATH": os.environ.get("PATH", "") if self._system else ""}
        choices = {name: choose(name, layout, environment) for name in ("postgres", "redis", "s3")}
        self._spawn(s3_part(choices["s3"], self.folder, self.ports, self.credentials), layout)
        password = self.credentials.redis_password
        self._spawn(
            redis_part(choices["redis"], self.folder, self.ports["redis"], password, durable=self._durable), layout
        )
        self._cluster = Cluster.at(layout.postgres, choices["postgres"])
        self._cluster.make(self.credentials.postgres_password, durable=self._durable)
        self._spawn(self._cluster.part(self.ports["postgres"], self._postgres), layout)
        self._wait(layout)
        return self

    def stop(self) -> None:
        """Ends the servers and removes what they wrote."""
        for part, process in reversed(self._processes):
            process.send_signal(part.stop_signal)
        for part, process in self._processes:
            try:
                process.wait(part.grace_s)
            except subprocess.TimeoutExpired:
                signal_group(process.pid, part.stop_signal.SIGKILL)
                process.wait()
        self._processes.clear()
        shutil.rmtree(self.folder, ignore_errors=True)
        if os.geteuid() == 0:
            shutil.rmtree(Layout(self.folder).root_home, ignore_errors=True)

    def kill(self, name: str) -> None:
        """kill -9 of one server (`postgres`, `redis`, `s3`). This Redis keeps nothing over it."""
        _, process = self._running(name)
        signal_group(process.pid, signal.SIGKILL)
        process.wait()

    def halt(self, name: str) -> None:
        """Stops one server as its operator would."""
        part, process = self._running(name)
        process.send_signal(part.stop_signal)
        try:
            process.wait(part.grace_s)
        except subprocess.TimeoutExpired:
            self.kill(name)

    def resume(self, name: str) -> None:
        """Starts a server again that was killed or halted, and waits until it is ready. From the main thread alone."""
        part, ended = self._running(name)
        self._processes.remove((part, ended))
        layout = Layout(self.folder)
        self._spawn(part, layout)
        self._wait(layout)

    def _running(self, name: str) -> tuple[Part, subprocess.Popen[bytes]]:
        return next((part, process) for part, process in self._processes if part.name == name)

    def __enter__(self) -> Servers:
        try:
            return self.start()
        except BaseException:  # servers that did start must not outlive a failed start, whatever it was
            self.stop()
            raise

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _spawn(self, part: Part, layout: Layout) -> None:
        with layout.log(part.name).open("ab") as log:
            self._processes.append((part, spawn(part, log)))

    def _wait(self, layout: Layout) -> None:
        deadline = time.monotonic() + READY_S
        for part, process in self._processes:
            while not part.probe.ready(process.pid, READY_S):
                if process.poll() is not None or time.monotonic() > deadline:
                    raise TimeoutError(f"{part.name} is not ready:\n{layout.log(part.name).read_text()[-2000:]}")
                time.sleep(0.02)
