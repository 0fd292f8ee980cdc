"""A store that fails for some objects only: those files are refused, the others go in, and sending again mends it."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from impasto.testing.databases import cloned_database
from impasto.testing.servers import Servers
from impasto.testing.stacks import Stack
from tests.ingestion.conftest import Ingestion, make_settings
from tests.ingestion.test_uploads import result, unique

_LARGE = 100_000


class PickyWire:
    """Passes requests on to the store, one a connection, but hangs up on those that carry much while it is picky."""

    def __init__(self, store: str) -> None:
        parsed = urlsplit(store)
        self._store = (str(parsed.hostname), int(parsed.port or 80))
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.picky, self.hung_up = True, 0
        self.address = f"http://127.0.0.1:{self._listening.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._listening.close()

    def _accept(self) -> None:
        while True:
            try:
                caller = self._listening.accept()[0]
            except OSError:
                return
            threading.Thread(target=self._pass_on, args=(caller,), daemon=True).start()

    def _pass_on(self, caller: socket.socket) -> None:
        with caller, socket.create_connection(self._store) as store:
            threading.Thread(target=self._back, args=(store, caller), daemon=True).start()
            passed = 0
            try:
                while data := caller.recv(65536):
                    passed += len(data)
                    if self.picky and passed > _LARGE:
                        self.hung_up += 1
                        return
                    store.sendall(data)
            except OSError:
                return

    @staticmethod
    def _back(store: socket.socket, caller: socket.socket) -> None:
        try:
            while data := store.recv(65536):
                caller.sendall(data)
        except OSError:
            return


@contextmanager
def behind_a_picky_wire(servers: Servers, folder: Path) -> Iterator[tuple[Ingestion, PickyWire]]:
    wire = PickyWire(servers.s3_endpoint)
    with cloned_database(servers.admin_url) as urls:
        stack = Stack(make_settings(servers, urls, folder, s3_endpoint=wire.address), folder)
        try:
            yield Ingestion(stack, stack.start_ingestion()), wire
        finally:
            stack.stop()
            wire.close()


def test_a_file_that_cannot_be_stored_is_refused_beside_those_that_can(servers: Servers, tmp_path: Any) -> None:
    files = [("small.png", unique(24)), ("large.png", unique(400))]
    with behind_a_picky_wire(servers, tmp_path) as (ingestion, wire):
        # Alone first: nothing could be stored, so the request as a whole is to be sent again.
        assert ingestion.post(files[1:]).status_code == 503
        # Touched before it was put, so that no sweep could have removed it had it arrived.
        assert ingestion.stack.sql("SELECT published_at, stored_at FROM artifacts") == [(None, None)]
        told = result(ingestion.post(files))
        assert [file.verdict for file in told.files] == ["accepted", "refused"]
        assert told.files[1].error
        assert told.files[1].error["code"] == "storage_unavailable"
        assert wire.hung_up >= 2
        assert ingestion.stack.sql("SELECT count(*) FROM artifacts WHERE published_at IS NOT NULL") == [(1,)]
        wire.picky = False
        again = result(ingestion.post(files))
        assert [file.verdict for file in again.files] == ["duplicate", "accepted"]
        assert ingestion.left_on_disk() == []
