"""Processes that have each imported one of the platform's services, and from which a test's processes are forked.

To import a service costs one to three seconds of a processor, and most tests start several. What is forked runs the
same `python -m`, in a session and with an environment of its own; its modules are there already, strings hash as in all
that were forked from the same server, and `/proc` tells the server's command and environment of it.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import runpy
import select
import signal
import socket
import struct
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

# What is told of a process: its number when it begins, nought and its exit status when it has ended.
_TOLD: Final = struct.Struct("=ii")
_MOST_BYTES: Final = 1 << 17
# Read when a process begins its work, or by nobody. Others may be read when Python, or a module, is loaded: nothing can
# be forked whose environment differs in one of those.
_READ_LATER: Final = ("IMPASTO_", "PYTEST_")
_WEB: Final = ("uvicorn.lifespan.on", "uvicorn.loops.uvloop", "uvicorn.protocols.http.httptools_impl")
# The services, and what each imports only when it begins. One server for each: what a service has imported registers
# metrics, and nobody is to tell another's.
_SERVICES: Final = {
    "impasto_gateway": _WEB,
    "impasto_ingestion": _WEB,
    "impasto_notifier": (),
    "impasto_reconciler": (),
    "impasto_worker": (
        "celery.app.amqp",
        "celery.apps.worker",
        "celery.bin.worker",
        "celery.concurrency.thread",
        "celery.worker.worker",
        "impasto_worker.process",
        "impasto_worker.thread_pool",
        "kombu.transport.redis",
    ),
}


class Forked:
    """A process that was forked: what one thread of a test needs of `subprocess.Popen`."""

    def __init__(self, pid: int, ended: int) -> None:
        """`ended`: where its exit status is told when it has ended."""
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
        if self._code is None and _is_told(self._ended, timeout):
            _, self._code = _told(self._ended)
            os.close(self._ended)
        return self._code


class ForkServers:
    """Each begins with the first process of its service and ends when it is told to. From one thread at a time."""

    def __init__(self) -> None:
        self._servers: dict[str, _Server] = {}
        # As it is before any test: what one of them changes is not the next one's.
        self._environment = dict(os.environ)

    def can_start(self, module: str, environment: Mapping[str, str]) -> bool:
        """Whether a process with this environment can be forked from one that began with ours."""
        if module not in _SERVICES or (module in self._servers and not self._servers[module].lives):
            return False
        return _others(environment) == _others(self._environment)

    def start(self, module: str, arguments: Sequence[str], environment: Mapping[str, str], log: Path) -> Forked:
        """`python -m module`, its output appended to `log`, in a session of its own."""
        if module not in self._servers:
            self._servers[module] = _Server(module, self._environment)
        wanted = _Wanted(module, list(arguments), dict(environment), os.getcwd())
        ended, tells = os.pipe()
        try:
            with log.open("ab") as output:
                self._servers[module].ask(wanted, output.fileno(), tells)
        finally:
            os.close(tells)
        pid, code = _told(ended)
        assert pid, f"it ended with {code} before it began"
        return Forked(pid, ended)

    def stop(self) -> None:
        """Ends them; what was forked goes on."""
        for server in self._servers.values():
            server.stop()
        self._servers.clear()


class _Server:
    """The other side's end of one."""

    def __init__(self, module: str, environment: Mapping[str, str]) -> None:
        self._socket, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with its:
            command = [sys.executable, "-m", __name__, module, str(its.fileno())]
            # A library that computes would begin threads, and what is forked has none of them.
            self._process = subprocess.Popen(
                command,
                env={**environment, "OPENBLAS_NUM_THREADS": "1"},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                pass_fds=[its.fileno()],
                start_new_session=True,
            )

    @property
    def lives(self) -> bool:
        return self._process.poll() is None

    def ask(self, wanted: _Wanted, *descriptors: int) -> None:
        message = json.dumps(wanted).encode()
        assert len(message) < _MOST_BYTES, "more than the server reads"
        socket.send_fds(self._socket, [message], list(descriptors))

    def stop(self) -> None:
        self._socket.close()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


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


def _is_told(source: int, timeout: float | None) -> bool:
    looking = select.poll()
    looking.register(source, select.POLLIN)
    return bool(looking.poll(None if timeout is None else timeout * 1000))


def _told(source: int) -> tuple[int, int]:
    told = os.read(source, _TOLD.size)
    assert told, "the server of forks has ended"
    pid, code = _TOLD.unpack(told)
    return pid, code


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
            os.write(tells, _TOLD.pack(0, os.waitstatus_to_exitcode(status)))
            os.close(tells)


def _become(output: int, tells: int) -> None:
    """Leaves everything behind that is the server's own, and tells that it is there."""
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.setsid()
    os.write(tells, _TOLD.pack(os.getpid(), 0))
    nothing = os.open(os.devnull, os.O_RDONLY)
    for source, target in ((nothing, 0), (output, 1), (output, 2)):
        os.dup2(source, target)
    os.closerange(3, os.sysconf("SC_OPEN_MAX"))


def _hear(*_: Any) -> None:
    """That it was called wakes the loop."""


def _import(module: str) -> None:
    for name in (f"{module}.__main__", *_SERVICES[module]):
        importlib.import_module(name)
    # It is to be run, and not to be there already.
    del sys.modules[f"{module}.__main__"]
    threads = len(os.listdir("/proc/self/task"))
    assert threads == 1, f"{threads} threads: what is forked would have one of them, and locks of the others"
    # Collected once here, and never looked at again in what is forked.
    gc.collect()
    gc.freeze()


if __name__ == "__main__":
    _import(sys.argv[1])
    if wanted := _serve(socket.socket(fileno=int(sys.argv[2]))):
        wanted.run()
