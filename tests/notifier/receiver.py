"""A real receiver on loopback: answers as it is told, and keeps what it was sent."""

from __future__ import annotations

import json
import socket
import ssl
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from impasto.testing.processes import eventually

Answer = Callable[[socket.socket], None]


@dataclass(frozen=True)
class Sent:
    """One request as it came in."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def event(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.body)
        return found

    @property
    def type(self) -> str:
        return str(self.event["type"])


def status(code: int, *headers: str, body: str = "ok") -> Answer:
    """An ordinary answer."""
    lines = [f"HTTP/1.1 {code} Said", f"Content-Length: {len(body)}", *headers, "", body]
    return lambda connection: connection.sendall("\r\n".join(lines).encode())


def silence(connection: socket.socket) -> None:
    """Never answers: waits for the other side to leave."""
    while connection.recv(1024):
        pass


def reset(connection: socket.socket) -> None:
    """Breaks the connection off."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")


def endless(connection: socket.socket) -> None:
    """A body without an end, as fast as it is taken."""
    connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
    while True:
        connection.sendall(b"x" * 65536)


class Receiver:
    """Listens on a free port. `answers` are used up in order; then `otherwise` answers."""

    def __init__(self, otherwise: Answer | None = None) -> None:
        self.otherwise = otherwise or status(204, body="")
        self.answers: list[Answer] = []
        self.got: list[Sent] = []
        self.tls: ssl.SSLContext | None = None
        self.connections = 0
        self.at_once = self.most_at_once = 0
        self._lock = threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.port = int(self._listener.getsockname()[1])
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"

    def close(self) -> None:
        # Closing alone does not end an accept that is under way.
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()

    def of_type(self, name: str) -> list[Sent]:
        with self._lock:
            return [sent for sent in self.got if sent.type == name]

    def waits_for(self, name: str, count: int = 1, most_s: float = 20) -> list[Sent]:
        """The requests of that type, once there are so many."""

        def enough() -> list[Sent] | None:
            found = self.of_type(name)
            return found if len(found) >= count else None

        return eventually(enough, f"{count} of {name}", most_s)

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection: socket.socket) -> None:
        if self.tls is not None:
            try:
                connection = self.tls.wrap_socket(connection, server_side=True)
            except OSError:
                return
        with connection, connection.makefile("rb") as lines:
            try:
                sent = _read(lines)
            except (OSError, ValueError, IndexError):
                return
            with self._lock:
                self.got.append(sent)
                self.at_once += 1
                self.most_at_once = max(self.most_at_once, self.at_once)
                answer = self.answers.pop(0) if self.answers else self.otherwise
            try:
                with suppress(OSError):
                    answer(connection)
            finally:
                with self._lock:
                    self.at_once -= 1


def _read(lines: Any) -> Sent:
    path = lines.readline().split()[1].decode()
    headers: dict[str, str] = {}
    while line := lines.readline().strip():
        name, _, value = line.decode("latin-1").partition(":")
        headers[name.lower()] = value.strip()
    return Sent(path, headers, lines.read(int(headers["content-length"])))
