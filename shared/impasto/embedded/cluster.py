"""PostgreSQL: making its data directory, and the command that serves it."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from dataclasses import dataclass
from pathlib import Path

from impasto.embedded.accounts import copy_of_wheel, give, reachable, unprivileged
from impasto.embedded.part import Account, Part
from impasto.embedded.probes import Postmaster
from impasto.embedded.resolve import Choice
from impasto.errors import Unavailable

DATABASE = "impasto"
OWNER = "postgres"
# Small on purpose: one machine, tens of connections. Commits are durable: fsync and synchronous_commit are on.
_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "shared_buffers": "64MB",
    "max_connections": "100",
    "password_encryption": "scram-sha-256",
    "max_wal_size": "512MB",
    "autovacuum_max_workers": "2",
    "jit": "off",
    "huge_pages": "off",
    "log_timezone": "UTC",
    "timezone": "UTC",
    "log_checkpoints": "off",
}
FOR_TESTS = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "max_connections": "200"}


@dataclass(frozen=True, slots=True)
class Cluster:
    """A PostgreSQL data directory `folder/data` and the server program for it."""

    folder: Path
    program: Path
    major: int
    account: Account | None

    @classmethod
    def at(cls, folder: Path, choice: Choice) -> Cluster:
        """The cluster in `folder`, served by `choice`; as root, by a copy where its account can enter."""
        assert choice.program
        account, program = unprivileged(), choice.program
        if account:
            folder.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
            if not reachable(program):
                program = copy_of_wheel(program, folder.parent, choice.version)
        return cls(folder, program, int(choice.major), account)

    @property
    def data(self) -> Path:
        return self.folder / "data"

    def made(self) -> bool:
        return (self.data / "PG_VERSION").exists()

    def make(self, password: str, durable: bool = True) -> None:
        """Creates the data directory and the database `impasto` in it; a half-made one from a crash is replaced.

        Raises:
            Unavailable: initdb failed; the message is what it said.
        """
        give(self.folder, self.account)
        making = self.folder / "making"
        shutil.rmtree(making, ignore_errors=True)
        secret = self.folder / "password"
        secret.touch(mode=0o600)
        secret.write_text(password)
        if self.account:
            os.chown(secret, self.account.uid, self.account.gid)
        self._run([self.program.with_name("initdb"), "-D", making, *self._initdb_options(secret, durable)])
        secret.unlink()
        # Single-user mode needs no server and no password.
        self._run([self.program, "--single", "-D", making, "postgres"], f"CREATE DATABASE {DATABASE}\n")
        making.rename(self.data)

    def part(self, port: int, settings: dict[str, str] | None = None) -> Part:
        """The server on that port of 127.0.0.1. SIGINT is its fast shutdown: it ends sessions and writes everything."""
        chosen = {**_SETTINGS, "port": str(port), **(settings or {})}
        if self.major >= 18:
            chosen["io_method"] = "sync"  # the default keeps three more processes
        return Part(
            name="postgres",
            command=(str(self.program), "-D", str(self.data), *(f"--{key}={value}" for key, value in chosen.items())),
            probe=Postmaster(self.data),
            environment=self._environment(),
            stop_signal=signal.SIGINT,
            death_signal=signal.SIGINT,
            grace_s=20.0,
            account=self.account,
        )

    def url(self, port: int, password: str, user: str = OWNER) -> str:
        return f"postgresql://{user}:{password}@127.0.0.1:{port}/{DATABASE}"

    def _initdb_options(self, secret: Path, durable: bool) -> list[str]:
        # The builtin provider does not change its order with the machine's C library, which corrupts indexes.
        builtin = ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"]
        options = ["--username", OWNER, "--pwfile", str(secret), "--auth=scram-sha-256", "--encoding=UTF8"]
        options += ["--data-checksums", *(builtin if self.major >= 17 else ["--locale=C.UTF-8"])]
        return options if durable else [*options, "--no-sync"]

    def _environment(self) -> dict[str, str]:
        return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C.UTF-8", "TZ": "UTC"}

    def _run(self, command: list[str | Path], given: str = "") -> None:
        user = {"user": self.account.uid, "group": self.account.gid, "extra_groups": []} if self.account else {}
        done = subprocess.run(  # type: ignore[call-overload]
            command, input=given, text=True, capture_output=True, env=self._environment(), cwd="/", check=False, **user
        )
        if done.returncode:
            said = (done.stderr or done.stdout).strip()
            raise Unavailable("database_unavailable", f"{Path(command[0]).name} failed: {said}")
