"""A runner's process: imports what it is told to compute with, computes, answers. It ends when its socket closes."""

from __future__ import annotations

import ctypes
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

from impasto.errors import ImpastoError
from impasto.faults import trace_of
from impasto_worker.frames import ConnectionClosed, receive_frame, send_frame

_LOG = logging.getLogger("impasto.runner")
_PR_SET_PDEATHSIG: Final = 1
_REPORT_EVERY_S: Final = 0.1

Compute = Callable[[dict[str, Any], "Report"], dict[str, Any]]


class Report:
    """Tells how far a computation is; calls within a tenth of a second of the last are dropped."""

    def __init__(self, send: Callable[[dict[str, Any]], None]) -> None:
        self._send, self._last = send, 0.0

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


def serve(connection: socket.socket) -> None:
    """Computes what comes, one call at a time."""
    calls: queue.Queue[dict[str, Any]] = queue.Queue()
    threading.Thread(target=_read, args=(connection, calls), daemon=True).start()
    lock = threading.Lock()

    def send(frame: dict[str, Any]) -> None:
        with lock:
            send_frame(connection, frame)

    while True:
        send(_answer(calls.get(), Report(send)))


def _read(connection: socket.socket, calls: queue.Queue[dict[str, Any]]) -> None:
    try:
        while True:
            calls.put(receive_frame(connection))
    except ConnectionClosed:
        # The worker is gone, or wants this runner gone; whatever is being computed is for nobody.
        os._exit(0)


def _answer(call: dict[str, Any], report: Report) -> dict[str, Any]:
    try:
        return {"op": "result", "result": _resolve(call["target"])(call["payload"], report)}
    except ImpastoError as error:
        return {"op": "failed", "error": error.as_record()}
    except MemoryError:
        return {"op": "out_of_memory"}
    except Exception as error:  # noqa: BLE001  the edge of the process
        # The edge of the process: a fault in one computation must be told, not end the runner for its neighbours.
        if type(error).__name__ == "OutOfMemoryError":
            return {"op": "out_of_memory"}
        _LOG.error("%s failed\n%s", call["target"], trace_of(error))
        return {"op": "failed", "error": {"code": "internal_error", "message": f"{type(error).__name__} in the runner"}}


def _resolve(target: str) -> Compute:
    module, _, function = target.partition(":")
    compute: Compute = getattr(importlib.import_module(module), function)
    return compute


def main() -> None:
    """`python -m impasto_worker.runner_child FD PARENT_PID`."""
    descriptor, parent = int(sys.argv[1]), int(sys.argv[2])
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        sys.exit("the worker that started this runner is gone")
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    logging.basicConfig(level="INFO", format="%(asctime)s %(levelname)s %(name)s %(message)s")
    serve(socket.socket(fileno=descriptor))


if __name__ == "__main__":
    main()
