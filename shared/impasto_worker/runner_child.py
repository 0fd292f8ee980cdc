"""A runner's process: imports what it is told to compute with, computes, answers. It ends when its socket closes."""

from __future__ import annotations

import ctypes
import errno
import importlib
import logging
import os
import queue
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable
from typing import Any, Final

from impasto.backends.telemetry.bound import bound
from impasto.errors import ImpastoError, JobFailed
from impasto.faults import trace_of
from impasto.logs import LogLevel
from impasto_worker.child_lines import write_child_lines
from impasto_worker.frames import ConnectionClosed, receive_frame, send_frame
from impasto_worker.runner_logging import JobLogHandler
from impasto_worker.stops import Left

_LOG = logging.getLogger("impasto.runner")
_PR_SET_PDEATHSIG: Final = 1
_REPORT_EVERY_S: Final = 0.1

Compute = Callable[[dict[str, Any], "Report"], dict[str, Any]]


class Report:
    """Tells how far a computation is; calls within a tenth of a second of the last are dropped."""

    def __init__(self, send: Callable[[dict[str, Any]], None], leaving: threading.Event | None = None) -> None:
        self._send, self._last = send, 0.0
        self._leaving = leaving or threading.Event()

    @property
    def is_to_leave(self) -> bool:
        """The worker is about to stop: a computation that can be taken up again notes where it is and raises `Left`."""
        return self._leaving.is_set()

    def __call__(
        self,
        fraction: float | None = None,
        message: str = "",
        *,
        step: int | None = None,
        steps: int | None = None,
        series: dict[str, float] | None = None,
    ) -> None:
        now = time.monotonic()
        if now - self._last < _REPORT_EVERY_S and fraction != 1.0:
            return
        self._last = now
        progress = {"fraction": fraction, "message": message, "step": step, "steps": steps, "series": series or {}}
        self._send({"op": "progress", "progress": progress})

    def log(self, message: str, level: LogLevel = "info") -> None:
        """A line for the job's log: facts, and never what a customer sent."""
        self._send({"op": "log", "level": level, "message": message})

    def note(self, **note: Any) -> None:
        """Hands the worker something to keep now and not at the end: never dropped, in order."""
        self._send({"op": "note", "note": note})


def serve(connection: socket.socket) -> None:
    """Computes what comes, one call at a time."""
    calls: queue.Queue[dict[str, Any]] = queue.Queue()
    leaving, lock = threading.Event(), threading.Lock()

    def hear(frame: dict[str, Any]) -> None:
        if frame["op"] == "leave":
            leaving.set()
        else:
            calls.put(frame)

    listen(connection, hear)

    def send(frame: dict[str, Any]) -> None:
        with lock:
            send_frame(connection, frame)

    while True:
        send(_answer(calls.get(), Report(send, leaving)))


def listen(connection: socket.socket, hear: Callable[[dict[str, Any]], None]) -> None:
    """Hands every frame on from a thread of its own, and ends this process when the socket closes."""

    def read() -> None:
        try:
            while True:
                hear(receive_frame(connection))
        except ConnectionClosed:
            # The worker is gone, or wants this runner gone; whatever is being computed is for nobody.
            os._exit(0)

    threading.Thread(target=read, name="listener", daemon=True).start()


def is_out_of_memory(error: BaseException) -> bool:
    """Whether memory did not suffice: Python's own error, or a library's for its device."""
    return isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError"


def is_disk_full(error: BaseException) -> bool:
    """Whether there was no room for what was written; libraries that write in other languages only say so."""
    return (isinstance(error, OSError) and error.errno in {errno.ENOSPC, errno.EDQUOT}) or (
        os.strerror(errno.ENOSPC) in str(error)
    )


DISK_FULL: Final = JobFailed("storage_full", "the worker's disk is full", hint="free space, then submit again")


def _answer(call: dict[str, Any], report: Report) -> dict[str, Any]:
    with bound(**call.get("bound", {})), JobLogHandler(report.log):
        return _computed(call, report)


def _computed(call: dict[str, Any], report: Report) -> dict[str, Any]:
    try:
        return {"op": "result", "result": _resolve(call["target"])(call["payload"], report)}
    except Left:
        return {"op": "left"}
    except ImpastoError as error:
        return {"op": "failed", "error": error.as_record()}
    except Exception as error:  # noqa: BLE001  the edge of the process
        # The edge of the process: a fault in one computation must be told, not end the runner for its neighbours.
        if is_out_of_memory(error):
            return {"op": "out_of_memory"}
        if is_disk_full(error):
            return {"op": "failed", "error": DISK_FULL.as_record()}
        _LOG.error("%s failed\n%s", call["target"], trace_of(error))
        return {"op": "failed", "error": {"code": "internal_error", "message": f"{type(error).__name__} in the runner"}}


def _resolve(target: str) -> Compute:
    module, _, function = target.partition(":")
    compute: Compute = getattr(importlib.import_module(module), function)
    return compute


def connect() -> socket.socket:
    """The socket to the worker that started this process as `python -m MODULE FD PARENT_PID`.

    From here on the process ends with its worker, even if that is killed.
    """
    descriptor, parent = int(sys.argv[1]), int(sys.argv[2])
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        sys.exit("the worker that started this runner is gone")
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    write_child_lines()
    return socket.socket(fileno=descriptor)


def main() -> None:
    """`python -m impasto_worker.runner_child FD PARENT_PID`."""
    serve(connect())


if __name__ == "__main__":
    main()
