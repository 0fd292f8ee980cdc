"""Runners: child processes that compute, so that a worker itself never imports torch and is never killed.

Shape *pool* keeps its children for the next call; shape *run* has a fresh child for each job.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

from impasto.errors import JobFailed
from impasto.jobs import Progress
from impasto_worker.frames import ConnectionClosed, receive_frame, send_frame

_STOP_S: Final = 3.0
_CHECK_S: Final = 0.5

# One thread starts every child: PR_SET_PDEATHSIG fires when the thread that forked ends, and this one never does.
_SPAWNER: Final = ThreadPoolExecutor(1, thread_name_prefix="spawner")


class RunnerLost(Exception):
    """The child ended before it answered."""


class RunnerOutOfMemory(Exception):
    """The child says that memory did not suffice."""


@dataclass(frozen=True, slots=True)
class RunnerSettings:
    """How children are started."""

    threads: int
    environment: dict[str, str]


class Child:
    """One runner process and the socket to it. One call at a time."""

    def __init__(self, settings: RunnerSettings) -> None:
        ours, theirs = socket.socketpair()
        self._socket = ours
        with theirs:
            self._process = _SPAWNER.submit(self._start, settings, theirs).result()
        self.idle_since = time.monotonic()
        self._lost = False

    @staticmethod
    def _start(settings: RunnerSettings, theirs: socket.socket) -> subprocess.Popen[bytes]:
        threads = str(settings.threads)
        # Set before any import in the child: the libraries read them once.
        limits = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), threads)
        return subprocess.Popen(
            [sys.executable, "-m", "impasto_worker.runner_child", str(theirs.fileno()), str(os.getpid())],
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
            start_new_session=True,
            env={**os.environ, **limits, **settings.environment},
        )

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def alive(self) -> bool:
        # A killed child's socket closes a moment before the kernel tells that it ended.
        return not self._lost and self._process.poll() is None

    def call(self, target: str, payload: dict[str, Any], on_progress: Callable[[Progress], None]) -> dict[str, Any]:
        """Computes `module:function` on `payload`.

        Raises:
            JobFailed: the computation refused, with its code.
            RunnerLost, RunnerOutOfMemory: see there.
        """
        try:
            send_frame(self._socket, {"target": target, "payload": payload})
            while (frame := receive_frame(self._socket))["op"] == "progress":
                on_progress(Progress.model_validate(frame["progress"]))
        except ConnectionClosed as error:
            self._lost = True
            raise RunnerLost from error
        if frame["op"] == "out_of_memory":
            raise RunnerOutOfMemory
        if frame["op"] == "failed":
            details = dict(frame["error"])
            raise JobFailed(details.pop("code"), details.pop("message"), **details)
        result: dict[str, Any] = frame["result"]
        return result

    def kill(self) -> None:
        """Ends the child and all it started, at once. A call in progress raises `RunnerLost`."""
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


class Runners:
    """The children of one worker: at most `width` at once."""

    def __init__(self, settings: RunnerSettings, width: int) -> None:
        self._settings, self.width = settings, width
        self._free: list[Child] = []
        self._lock = threading.Lock()
        self._places = threading.Semaphore(width)

    def take(self, check: Callable[[], None]) -> Child:
        """A living child, waited for if all are busy; `check` may end the waiting by an exception."""
        while not self._places.acquire(timeout=_CHECK_S):
            check()
        try:
            with self._lock:
                while self._free:
                    child = self._free.pop()
                    if child.alive:
                        return child
                    child.close()
            return Child(self._settings)
        except BaseException:
            self._places.release()
            raise

    def give(self, child: Child, *, keep: bool) -> None:
        """Hands a child back; a dead one, or one that is not to be kept, is closed."""
        try:
            if keep and child.alive:
                child.idle_since = time.monotonic()
                with self._lock:
                    self._free.append(child)
            else:
                child.close()
        finally:
            self._places.release()

    def close_idle(self, longer_than_s: float = 0.0) -> None:
        """Closes children that have had nothing to do: an idle platform holds no torch."""
        now = time.monotonic()
        with self._lock:
            leaving = [child for child in self._free if now - child.idle_since >= longer_than_s]
            self._free = [child for child in self._free if child not in leaving]
        for child in leaving:
            child.close()
