"""A child that computes: how it is started, ended, and what its end means for the jobs in it."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from typing import ClassVar, Final

_STOP_S: Final = 3.0
# Addresses with passwords, keys of stores and hubs: a child reads what strangers made.
_WITHHELD: Final = ("IMPASTO_", "OTEL_", "PGPASSWORD", "AWS_", "HF_TOKEN", "HUGGING_FACE_HUB_TOKEN")

# glibc gives large blocks back to the system as soon as they are free, and takes them again, page by page, in the next
# step of a training: 158,000 page faults for three steps of a small convolutional network, and then none. Up to so many
# bytes are kept instead, and go when the child ends.
_KEPT_BYTES: Final = str(256 << 20)
_ALLOCATION: Final = {"MALLOC_MMAP_THRESHOLD_": _KEPT_BYTES, "MALLOC_TRIM_THRESHOLD_": _KEPT_BYTES}

# One thread starts every child: PR_SET_PDEATHSIG fires when the thread that forked ends, and this one never does.
_SPAWNER: Final = ThreadPoolExecutor(1, thread_name_prefix="spawner")


class RunnerLost(Exception):
    """The child ended before it answered. `cause` is why the attempt is given back: this one counts against the job."""

    cause: ClassVar[str] = "runner_lost"


class EngineLost(RunnerLost):
    """The child ended with several jobs in it, or by our own hand: which of them it was, if any, nobody can tell."""

    cause: ClassVar[str] = "engine_lost"


class EngineStopped(EngineLost):
    """The child was ended by us for another job, which was to stop and was not let go of: no fault of this one."""

    cause: ClassVar[str] = "engine_stopped"


class RunnerOutOfMemory(Exception):
    """The child says that memory did not suffice. `cause`: as above."""

    cause: ClassVar[str] = "out_of_memory"


class MemoryShared(RunnerOutOfMemory):
    """Memory did not suffice for this job beside others: which of them took too much, nobody can tell."""

    cause: ClassVar[str] = "memory_shared"


class RunnerLeft(Exception):
    """The child was told to leave: it has noted what another can go on from, and ended its computation there."""


@dataclass(frozen=True, slots=True)
class RunnerSettings:
    """How children are started."""

    threads: int
    environment: dict[str, str]


def _inherited() -> dict[str, str]:
    """What a child is told of our environment: it gets files and numbers, and never speaks to database or store."""
    return {name: value for name, value in os.environ.items() if not name.startswith(_WITHHELD)}


class ChildProcess:
    """A process of `module`, in a process group of its own, and the socket to it."""

    def __init__(self, module: str, settings: RunnerSettings) -> None:
        ours, theirs = socket.socketpair()
        self._socket = ours
        with theirs:
            self._process = _SPAWNER.submit(self._start, module, settings, theirs).result()
        self.idle_since = time.monotonic()
        self._lost = False

    @staticmethod
    def _start(module: str, settings: RunnerSettings, theirs: socket.socket) -> subprocess.Popen[bytes]:
        threads = str(settings.threads)
        # Set before any import in the child: the libraries read them once.
        limits = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), threads)
        return subprocess.Popen(
            [sys.executable, "-m", module, str(theirs.fileno()), str(os.getpid())],
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
            start_new_session=True,
            env={**_ALLOCATION, **_inherited(), **limits, **settings.environment},
        )

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def alive(self) -> bool:
        # A killed child's socket closes a moment before the kernel tells that it ended.
        return not self._lost and self._process.poll() is None

    def kill(self) -> None:
        """Ends the child and all it started, at once."""
        self._lost = True
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)

    def close(self) -> None:
        """Lets the child end by itself, then makes it."""
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        try:
            self._process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            self.kill()
            self._process.wait()
