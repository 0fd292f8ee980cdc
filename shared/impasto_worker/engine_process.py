"""One life of an engine's child: who is in it, and what its end means for each of them."""

from __future__ import annotations

import logging
import queue
import threading
import time
from contextlib import suppress
from typing import Any, Final

from impasto_worker.child_process import ChildProcess, EngineLost, EngineStopped, RunnerLost, RunnerSettings
from impasto_worker.figures import count_loads
from impasto_worker.frames import ConnectionClosed, receive_frame, send_frame

_LOG = logging.getLogger("impasto.engine")
_MODULE: Final = "impasto_worker.engine_child"
_LAST: Final = frozenset({"result", "failed", "out_of_memory", "dropped"})

Frame = dict[str, Any]


class EngineProcess(ChildProcess):
    """The child, the calls in it, and the thread that hands each call its frames."""

    def __init__(self, settings: RunnerSettings) -> None:
        super().__init__(_MODULE, settings)
        self.loaded: list[str] = []
        self.turn_s = 0.0
        self._calls: dict[str, queue.SimpleQueue[Frame]] = {}
        self._begun: set[str] = set()
        self._leaving: set[str] = set()
        self._ended_by_us = self._killed = False
        self._lock, self._sending = threading.Lock(), threading.Lock()
        self._reader = threading.Thread(target=self._read, name="engine-reader", daemon=True)
        self._reader.start()

    def enter(self, call_id: str, frames: queue.SimpleQueue[Frame]) -> None:
        """What the child says of this call goes into `frames`; the last is `lost` if the child ends."""
        with self._lock:
            self._calls[call_id] = frames
            if self._lost:
                frames.put({"op": "lost", "error": EngineLost()})

    def leave(self, call_id: str) -> None:
        with self._lock:
            self._calls.pop(call_id, None)
            self._begun.discard(call_id)
            self._leaving.discard(call_id)
            self.idle_since = time.monotonic()

    def idle_s(self) -> float:
        """How long there has been nothing in it, in seconds; -1 if there is."""
        with self._lock:
            return -1.0 if self._calls else time.monotonic() - self.idle_since

    def send(self, frame: Frame) -> None:
        """Sends; that nobody is there to hear it is told by the `lost` of each call."""
        with self._sending, suppress(ConnectionClosed):
            send_frame(self._socket, frame)

    def cancel(self, call_id: str) -> None:
        """Asks the child to let go of this call."""
        with self._lock:
            self._leaving.add(call_id)
        self.send({"op": "cancel", "call": call_id})

    @property
    def would_hurt(self) -> bool:
        """Whether a call has begun in it that nobody wants to leave."""
        with self._lock:
            return bool(self._begun - self._leaving)

    def kill(self) -> None:
        """Ends the child; no job in it is to blame."""
        self._killed |= self.alive
        self._ended_by_us |= self._killed
        super().kill()

    def close(self) -> None:
        # One that is dead already died by itself, though the reader may not have told so yet.
        self._ended_by_us |= self.alive
        super().close()
        self._reader.join(1)

    def _read(self) -> None:
        try:
            while True:
                self._hand_over(receive_frame(self._socket))
        except ConnectionClosed:
            self._tell_all()

    def _hand_over(self, frame: Frame) -> None:
        if frame["op"] == "loaded":
            self.loaded = frame["keys"]
            count_loads(frame["took_s"])
            return
        if frame["op"] == "pace":
            self.turn_s = frame["turn_s"]
            return
        with self._lock:
            if frame["op"] == "begun":
                self._begun.add(frame["call"])
            elif frame["op"] in _LAST:
                self._begun.discard(frame["call"])  # it has its answer, and cannot be what kills the child
            if frames := self._calls.get(frame["call"]):
                frames.put(frame)

    def _tell_all(self) -> None:
        """A call that was alone in the child when it died probably killed it; of several, nobody can tell which."""
        with self._lock:
            self._lost, self.loaded = True, []
            suspects = self._begun & set(self._calls) or set(self._calls)
            if self._calls and not self._ended_by_us:
                _LOG.warning("the engine died with %d jobs in it", len(self._calls))
            for call_id, frames in self._calls.items():
                charged = not self._ended_by_us and suspects == {call_id}
                kind = RunnerLost if charged else EngineStopped if self._killed else EngineLost
                frames.put({"op": "lost", "error": kind()})
