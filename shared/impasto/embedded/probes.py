"""How the supervisor knows that a part is ready: each probe asks once, without waiting long."""

from __future__ import annotations

import socket
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

PATIENCE_S = 1.0


class Probe(Protocol):
    def ready(self, pid: int, age_s: float) -> bool:
        """Whether the process `pid`, started `age_s` seconds ago, does its work."""
        ...


@dataclass(frozen=True, slots=True)
class Alive:
    """Ready when it has lived that long."""

    for_s: float = 0.5

    def ready(self, pid: int, age_s: float) -> bool:
        return age_s >= self.for_s


@dataclass(frozen=True, slots=True)
class Said:
    """Ready when it has written the file that IMPASTO_READY_FILE names; one that never does, after `else_after_s`.

    The supervisor removes the file before every start.
    """

    path: Path
    else_after_s: float = 4.0

    def ready(self, pid: int, age_s: float) -> bool:
        return self.path.exists() or age_s >= self.else_after_s


@dataclass(frozen=True, slots=True)
class Postmaster:
    """Ready when PostgreSQL says so in its lock file, as pg_ctl reads it (line 1: pid, line 8: status)."""

    cluster: Path

    def ready(self, pid: int, age_s: float) -> bool:
        try:
            lines = (self.cluster / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return False
        return len(lines) >= 8 and lines[0].strip() == str(pid) and lines[7].strip() == "ready"


@dataclass(frozen=True, slots=True)
class RedisPing:
    """Ready when it answers PONG, which it does only after it has read its append-only file."""

    port: int
    password: str

    def ready(self, pid: int, age_s: float) -> bool:
        return _ask(self.port, f"AUTH {self.password}\r\nPING\r\n", lines=2).endswith(b"+PONG\r\n")


@dataclass(frozen=True, slots=True)
class HttpOk:
    """Ready when a GET of `path` is answered with 200."""

    port: int
    path: str

    def ready(self, pid: int, age_s: float) -> bool:
        request = f"GET {self.path} HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\nConnection: close\r\n\r\n"
        return _ask(self.port, request, lines=1).split(b" ", 2)[1:2] == [b"200"]


def _ask(port: int, request: str, lines: int) -> bytes:
    """The first lines that 127.0.0.1:port answers; nothing when it does not answer."""
    answer = b""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S) as connection:
            connection.sendall(request.encode())
            while answer.count(b"\r\n") < lines and (more := connection.recv(4096)):
                answer += more
    except OSError:
        return b""
    return answer
