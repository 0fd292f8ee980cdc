"""A process that has imported the platform's services, and from which a test's processes are forked.

To import a service costs one to three seconds of a processor, and most tests start several. What is forked runs the
same `python -m`, in a session and with an environment of its own; it differs from a process that was started from
nothing only in that its modules are there already.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import random
import runpy
import select
import signal
import socket
import struct
import subprocess
import sys
from collections.abc import Mapping, Sequence
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, Final, NamedTuple

_NUMBER: Final = struct.Struct("=i")
_MOST_BYTES: Final = 1 << 17
# Read when a process begins its work, or by nobody. Others may be read when Python, or a module, is loaded: nothing can
# be forked whose environment differs in one of those.
_READ_LATER: Final = ("IMPASTO_", "PYTEST_")
_SERVICES: Final = ("impasto_gateway", "impasto_ingestion", "impasto_reconciler", "impasto_notifier", "impasto_worker")
# What they import only when they begin.
_LATER: Final = (
    "celery.app.amqp",
    "celery.apps.worker",
    "celery.bin.worker",
    "celery.concurrency.thread",
    "celery.worker.worker",
    "impasto_worker.process",
    "impasto_worker.thread_pool",
    "kombu.transport.redis",
    "uvicorn.lifespan.on",
    "uvicorn.loops.uvloop",
    "uvicorn.protocols.http.httptools_impl",
)


class Forked:
    """A process that was forked: what a test needs of `subprocess.Popen`."""

    def __init__(self, pid: int, ended: int) -> None:
        """`ended`: where its number is told when it has ended."""
        self.pid = pid
        self._ended = ended
        self._code: int | None = None

    def poll(self) -> int | None:
        """Its exit status, negative for a signal; None while it runs."""
        return self._look(0)

    def wait(self, timeout: float | None = None) -> int:
        """Waits for its end.

        Raises:
            subprocess.TimeoutExpired: it goes on.
        """
        code = self._look(timeout)
        if code is None:
            raise subprocess.TimeoutExpired(str(self.pid), timeout or 0)
        return code

    def _look(self, timeout: float | None) -> int | None:
        if self._code is None and select.select([self._ended], [], [], timeout)[0]:
            self._code = _number(self._ended)
            os.close(self._ended)
        return self._code


class ForkServer:
    """Begins with its first process and ends with the process that asks it. From one thread at a time."""

    def __init__(self) -> None:
        self._socket: socket.socket | None = None
        self._server: subprocess.Popen[bytes] | None = None
        self._begun_with: dict[str, str] = {}

    def can_start(self, module: str, environment: Mapping[str, str]) -> bool:
        """Whether a process with this environment can be forked from one that began with ours."""
        return module in _SERVICES and _others(environment) == (self._begun_with or _others(os.environ))

    def start(self, module: str, arguments: Sequence[str], environment: Mapping[str, str], log: Path) -> Forked:
        """`python -m module`, its output appended to `log`, in a session of its own."""
        there = self._socket or self._begin()
        wanted = _Wanted(module, list(arguments), dict(environment), os.getcwd())
        ended, tells = os.pipe()
        with log.open("ab") as output:
            socket.send_fds(there, [json.dumps(wanted).encode()], [output.fileno(), tells])
        os.close(tells)
        return Forked(_number(ended), ended)

    def stop(self) -> None:
        """Ends it; what was forked goes on."""
        if self._socket and self._server:
            self._socket.close()
            self._server.wait()
            self._socket = self._server = None

    def _begin(self) -> socket.socket:
        ours, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with its:
            command = [sys.executable, "-m", __name__, str(its.fileno())]
            # A library that computes would begin threads, and what is forked has none of them.
            environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1"}
            self._server = subprocess.Popen(
                command, env=environment, stdin=subprocess.DEVNULL, pass_fds=[its.fileno()], start_new_session=True
            )
        self._socket, self._begun_with = ours, _others(os.environ)
        return ours


class _Wanted(NamedTuple):
    module: str
    arguments: list[str]
    environment: dict[str, str]
    folder: str

    def run(self) -> None:
        """In what was forked: as the interpreter does it for `python -m`."""
        os.chdir(self.folder)
        os.environ.clear()
        os.environ.update(self.environment)
        sys.argv = [self.module, *self.arguments]
        runpy.run_module(self.module, run_name="__main__", alter_sys=True)


def _others(environment: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in environment.items() if not name.startswith(_READ_LATER)}


def _number(source: int) -> int:
    told = os.read(source, _NUMBER.size)
    assert told, "the server of forks has ended"
    return int(_NUMBER.unpack(told)[0])


def _serve(asked: socket.socket) -> _Wanted | None:
    """Returns in each process that was forked, with what it is to be; and in the server at its end, with None."""
    wake, woken = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.signal(signal.SIGCHLD, _hear)
    signal.set_wakeup_fd(woken, warn_on_full_buffer=False)
    tell: dict[int, int] = {}
    while True:
        ready, _, _ = select.select([asked.fileno(), wake], [], [])
        if wake in ready:
            os.read(wake, 512)
        if asked.fileno() in ready:
            message, descriptors, _, _ = socket.recv_fds(asked, _MOST_BYTES, 2)
            if not message:
                return None
            output, tells = descriptors
            pid = os.fork()
            if not pid:
                _become(output, tells)
                return _Wanted(*json.loads(message))
            os.close(output)
            tell[pid] = tells
        _tell_ends(tell)


def _tell_ends(tell: dict[int, int]) -> None:
    for pid in list(tell):
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            tells = tell.pop(pid)
            os.write(tells, _NUMBER.pack(os.waitstatus_to_exitcode(status)))
            os.close(tells)


def _become(output: int, tells: int) -> None:
    """Leaves everything behind that is the server's own, and tells that it is there."""
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.setsid()
    os.write(tells, _NUMBER.pack(os.getpid()))
    nothing = os.open(os.devnull, os.O_RDONLY)
    for source, target in ((nothing, 0), (output, 1), (output, 2)):
        os.dup2(source, target)
    os.closerange(3, os.sysconf("SC_OPEN_MAX"))
    random.seed()


def _hear(*_: Any) -> None:
    """That it was called wakes the loop."""


def _import_all() -> None:
    for name in (*(f"{service}.__main__" for service in _SERVICES), *_LATER):
        importlib.import_module(name)
    for service in _SERVICES:  # each is to be run, and not to be there already
        del sys.modules[f"{service}.__main__"]
    for point in entry_points(group="impasto.handlers"):
        point.load()
    threads = len(os.listdir("/proc/self/task"))
    assert threads == 1, f"{threads} threads: what is forked would have one of them, and locks of the others"
    # Collected once here, and never looked at again in what is forked.
    gc.collect()
    gc.freeze()


if __name__ == "__main__":
    _import_all()
    if wanted := _serve(socket.socket(fileno=int(sys.argv[1]))):
        wanted.run()
