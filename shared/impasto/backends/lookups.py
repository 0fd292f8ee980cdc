"""Asks name servers, in threads: a name server that does not answer keeps nobody else's from being asked."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Final
from weakref import WeakValueDictionary

THREADS: Final = 64
# A look-up cannot be broken off: its thread goes on after whoever asked has left, half a minute or more. So threads are
# counted and not askers, and a tenant whose every name server is silent holds an eighth of them, however often it asks.
THREADS_OF_ONE: Final = 8


def look_up(host: str, port: int) -> list[str]:
    """The addresses of a name, in the order in which the system would try them.

    Raises:
        OSError: it has none.
    """
    found = [str(entry[4][0]) for entry in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]
    return list(dict.fromkeys(found))


class Lookups:
    """Satisfies `impasto.backends.gate.Resolver`. Who has as many threads as one may have waits for its own to end."""

    def __init__(
        self, look: Callable[[str, int], list[str]] = look_up, *, threads: int = THREADS, of_one: int = THREADS_OF_ONE
    ) -> None:
        self._look, self._of_one = look, of_one
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="resolve")
        # Gone by itself when no thread and no asker of a tenant is left.
        self._free: WeakValueDictionary[str, asyncio.Semaphore] = WeakValueDictionary()

    async def __call__(self, host: str, port: int, whose: str) -> list[str]:
        loop = asyncio.get_running_loop()
        free = self._free.setdefault(whose, asyncio.Semaphore(self._of_one))
        await free.acquire()
        asked = self._threads.submit(self._look, host, port)

        def ended(_: object) -> None:
            with suppress(RuntimeError):  # the loop is closed: nobody waits
                loop.call_soon_threadsafe(free.release)

        asked.add_done_callback(ended)
        return await asyncio.wrap_future(asked)
