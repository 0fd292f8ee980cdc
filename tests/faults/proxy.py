"""A network that can be broken: a TCP proxy in a thread of its own, between the platform and one of its servers."""

from __future__ import annotations

import asyncio
import socket
import struct
import threading
from contextlib import suppress
from types import TracebackType
from typing import Any, Final

_BLOCK_BYTES: Final = 1 << 16
_RST: Final = struct.pack("ii", 1, 0)  # SO_LINGER on, for no time: closing sends RST (socket(7))


class Proxy:
    """Passes everything on, until it is told otherwise. May be told from any thread.

    `black_hole`: nothing passes and nobody is told, in connections of before and in new ones. `heal` lets new
    connections pass; those of before stay silent for ever, as after a firewall has forgotten them, unless `resume`d.
    `cut`: every connection is reset, and new ones are until `heal`. `delay_s` holds up each block.
    """

    def __init__(self, port: int, host: str = "127.0.0.1") -> None:
        self._to = (host, port)
        self.delay_s = 0.0
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name=f"proxy-{port}", daemon=True)
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[Any]] = set()
        self._cut = False
        self.port = 0

    def __enter__(self) -> Proxy:
        self._thread.start()
        self._ask(self._open())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ask(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        self._loop.close()

    def black_hole(self) -> None:
        self._ask(self._set(passes=False))

    def cut(self) -> None:
        self._ask(self._reset())

    def heal(self, *, resume: bool = False) -> None:
        self._ask(self._set(passes=True, resume=resume))

    def _ask(self, what: Any) -> None:
        asyncio.run_coroutine_threadsafe(what, self._loop).result(10)

    async def _open(self) -> None:
        # A gate is never opened again for those who wait at it, unless it is the one of a pause.
        self._gate = asyncio.Event()
        self._gate.set()
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _close(self) -> None:
        self._server.close()
        await self._reset()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _set(self, *, passes: bool, resume: bool = False) -> None:
        self._cut = False
        if not passes:
            self._gate.clear()
        elif not self._gate.is_set():
            if resume:
                self._gate.set()
            else:
                self._gate = asyncio.Event()
                self._gate.set()

    async def _reset(self) -> None:
        self._cut = True
        for writer in list(self._writers):
            _abort(writer)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        self._tasks.add(task)
        gate = self._gate
        self._writers.add(writer)
        try:
            if self._cut:
                _abort(writer)
                return
            await gate.wait()
            there, onward = await asyncio.open_connection(*self._to)
            self._writers.add(onward)
            try:
                await asyncio.gather(self._pass(gate, reader, onward), self._pass(gate, there, writer))
            finally:
                self._writers.discard(onward)
                onward.close()
        except (OSError, asyncio.CancelledError):
            _abort(writer)
        finally:
            self._writers.discard(writer)
            self._tasks.discard(task)
            writer.close()

    async def _pass(self, gate: asyncio.Event, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while block := await reader.read(_BLOCK_BYTES):
            if self.delay_s:
                await asyncio.sleep(self.delay_s)
            await gate.wait()
            writer.write(block)
            await writer.drain()
        await gate.wait()  # an end is news as well
        with suppress(OSError):
            writer.write_eof()


def _abort(writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        raw: socket.socket = writer.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RST)
    writer.transport.abort()
