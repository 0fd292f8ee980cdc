"""Runners: child processes that compute, so that a worker itself never imports torch and is never killed.

Shape *pool* keeps its children for the next call; shape *run* has a fresh child for each job; shape *engine* has one
resident child for all jobs, see `engine.py`.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Any, Final

from impasto.backends.telemetry import spans
from impasto.backends.telemetry.bound import bound_values
from impasto.errors import JobFailed
from impasto.jobs import Progress
from impasto.logs import LogLevel
from impasto_worker.child_process import ChildProcess, RunnerLeft, RunnerLost, RunnerOutOfMemory, RunnerSettings
from impasto_worker.engine import Engine
from impasto_worker.frames import ConnectionClosed, receive_frame, send_frame

__all__ = ["Child", "RunnerLeft", "RunnerLost", "RunnerOutOfMemory", "RunnerSettings", "Runners"]

_CHECK_S: Final = 0.5


class Child(ChildProcess):
    """One runner of shape pool or run. One call at a time."""

    def __init__(self, settings: RunnerSettings) -> None:
        super().__init__("impasto_worker.runner_child", settings)
        self._sending = threading.Lock()

    def call(
        self,
        target: str,
        payload: dict[str, Any],
        on_progress: Callable[[Progress], None],
        on_note: Callable[[dict[str, Any]], None] = lambda _: None,
        on_log: Callable[[str, LogLevel], None] = lambda *_: None,
    ) -> dict[str, Any]:
        """Computes `module:function` on `payload`; `on_note` gets what the computation notes on the way, in order.

        `on_log` gets what it says for the job's log.

        Raises:
            JobFailed: the computation refused, with its code.
            RunnerLeft, RunnerLost, RunnerOutOfMemory: see there.
        """
        about: spans.Attributes = {"code.function.name": target, "process.pid": self.pid}
        with spans.span("compute", attributes=about):
            return self._call(target, payload, on_progress, on_note, on_log)

    def _call(
        self,
        target: str,
        payload: dict[str, Any],
        on_progress: Callable[[Progress], None],
        on_note: Callable[[dict[str, Any]], None],
        on_log: Callable[[str, LogLevel], None],
    ) -> dict[str, Any]:
        try:
            self._send({"op": "call", "target": target, "payload": payload, "bound": dict(bound_values())})
            while (frame := receive_frame(self._socket))["op"] in ("progress", "note", "log"):
                if frame["op"] == "note":
                    on_note(frame["note"])
                elif frame["op"] == "log":
                    on_log(frame["message"], frame["level"])
                else:
                    on_progress(Progress.model_validate(frame["progress"]))
        except ConnectionClosed as error:
            self._lost = True
            raise RunnerLost from error
        if frame["op"] == "out_of_memory":
            raise RunnerOutOfMemory
        if frame["op"] == "left":
            raise RunnerLeft
        if frame["op"] == "failed":
            details = dict(frame["error"])
            raise JobFailed(details.pop("code"), details.pop("message"), **details)
        result: dict[str, Any] = frame["result"]
        return result

    def leave(self) -> None:
        """Tells a computation that can do so to note what another can go on from and to end; from any thread."""
        with suppress(ConnectionClosed):  # whoever waits for its answer sees that as well
            self._send({"op": "leave"})

    def _send(self, frame: dict[str, Any]) -> None:
        with self._sending:
            send_frame(self._socket, frame)


class Runners:
    """The children of one worker: at most `width` at once, and one engine."""

    def __init__(self, settings: RunnerSettings, width: int) -> None:
        self._settings, self.width = settings, width
        # The engine has no neighbours while it computes: it gets the threads of all of them.
        threads = min(os.cpu_count() or 1, settings.threads * width)
        self.engine = Engine(replace(settings, threads=threads), before_start=self._close_free)
        self._free: list[Child] = []
        self._lock = threading.Lock()
        self._places = threading.Semaphore(width)

    def take(self, check: Callable[[], None], *, beside_engine: bool = False) -> Child:
        """A living child, waited for if all are busy; `check` may end the waiting by an exception.

        Unless it is to compute `beside_engine`, an engine that has nothing to do leaves.
        """
        while not self._places.acquire(timeout=_CHECK_S):
            check()
        try:
            if not beside_engine:
                # Another shape has the device now; an engine that has nothing to do would keep its memory.
                self.engine.close_idle()
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
        """Closes children and an engine that have had nothing to do: an idle platform holds no torch."""
        self.engine.close_idle(longer_than_s)
        self._close_free(longer_than_s)

    def loaded(self) -> list[str]:
        """The keys of the checkpoints that the engine holds at this moment; never waits."""
        return self.engine.loaded()

    def _close_free(self, longer_than_s: float = 0.0) -> None:
        now = time.monotonic()
        with self._lock:
            leaving = [child for child in self._free if now - child.idle_since >= longer_than_s]
            self._free = [child for child in self._free if child not in leaving]
        for child in leaving:
            child.close()
