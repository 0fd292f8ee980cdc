"""A server's address that can be shut: connections stay open and nothing comes through, as behind a dead switch."""

from __future__ import annotations

import socket
import threading
from types import TracebackType


class Gate:
    """Forwards to `port` of this machine while it is open. `connections`: how many were made to it."""

    def __init__(self, port: int, *, opened: bool = True) -> None:
        self._port, self.opened, self.connections = port, opened, 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._sockets: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self) -> Gate:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for each in [self._listener, *self._sockets]:
            each.close()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            far = socket.create_connection(("127.0.0.1", self._port))
            self._sockets += [near, far]
            for source, sink in ((near, far), (far, near)):
                threading.Thread(target=self._pump, args=(source, sink), daemon=True).start()

    def _pump(self, source: socket.socket, sink: socket.socket) -> None:
        try:
            while block := source.recv(1 << 16):
                if self.opened:  # what comes while it is shut is gone
                    sink.sendall(block)
        except OSError:
            return
