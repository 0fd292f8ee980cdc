"""The engine as its worker sees it: one resident child that draws for many jobs at once, over one socket."""

from __future__ import annotations

import queue
import threading
import time
import uuid
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from impasto.backends.telemetry import spans
from impasto.backends.telemetry.bound import bound_values
from impasto.errors import JobFailed
from impasto.jobs import Progress
from impasto_worker.child_process import EngineLost, MemoryShared, RunnerOutOfMemory, RunnerSettings
from impasto_worker.engine_orders import Drawn, DrawnPicture, DrawOrder
from impasto_worker.engine_process import EngineProcess, Frame

# Something may be computed when a call is canceled; an engine that is silent for longer is stuck.
_CANCEL_S: Final = 10.0
# Its end costs others what they have drawn: with them in it, it has so long, or so many times what a turn takes it.
_COMPANY_S: Final = 60.0
_TURNS: Final = 4.0
_STATS_S: Final = 10.0
# A job that only waited in an engine that died goes to the next; if that happens this often, it is given back.
_ENGINES: Final = 3


class CallDropped(Exception):
    """The call was canceled, and the engine has let go of it."""


class EngineCall:
    """One job in the engine. `kill` may be called from any thread, before, during and after `run`."""

    def __init__(self, engine: Engine, order: DrawOrder) -> None:
        self.id = uuid.uuid4().hex
        self._engine, self._order = engine, order
        self._frames: queue.SimpleQueue[Frame] = queue.SimpleQueue()

    def kill(self) -> None:
        """Cancels this call alone; its `run` ends once the engine has dropped it, or was killed for not answering."""
        self._frames.put({"op": "cancel"})

    def run(
        self,
        on_progress: Callable[[Progress], None] = lambda _: None,
        on_preview: Callable[[bytes], None] = lambda _: None,
        on_begun: Callable[[], None] = lambda: None,
    ) -> Drawn:
        """Draws, and gives the pictures. `on_begun`: its weights are fetched, or its first drawing was admitted.

        `on_preview` gets a JPEG of at most 32 kB.

        Raises:
            JobFailed: the engine refused, with its code.
            CallDropped: `kill` was called.
            RunnerLost, EngineLost, EngineStopped, RunnerOutOfMemory: see there.
        """
        about = {"impasto.drawings": len(self._order.requests)} if spans.recorded() else None
        with spans.span("draw", attributes=about):
            return self._run(on_progress, on_preview, on_begun)

    def _run(
        self,
        on_progress: Callable[[Progress], None],
        on_preview: Callable[[bytes], None],
        on_begun: Callable[[], None],
    ) -> Drawn:
        bound = dict(bound_values())
        for _ in range(_ENGINES):
            process = self._engine.enter(self.id, self._frames)
            try:
                process.send({"op": "draw", "call": self.id, "bound": bound, **self._order.as_frame()})
                answer = self._follow(process, on_progress, on_preview, on_begun)
            finally:
                process.leave(self.id)
            if answer is not None:
                return _drawn(answer)
        raise EngineLost

    def _follow(
        self,
        process: EngineProcess,
        on_progress: Callable[[Progress], None],
        on_preview: Callable[[bytes], None],
        on_begun: Callable[[], None],
    ) -> Frame | None:
        """The answer; None if the process ended before it had begun with this."""
        patience_ends: float | None = None
        begun = killed = False
        canceled_at = 0.0
        while True:
            try:
                frame = self._frames.get(timeout=patience_ends and max(0.0, patience_ends - time.monotonic()))
            except queue.Empty:
                spare_until = canceled_at + max(_COMPANY_S, _TURNS * process.turn_s)
                if process.would_hurt and time.monotonic() < spare_until:
                    patience_ends = min(spare_until, time.monotonic() + _CANCEL_S)
                    continue
                process.kill()
                patience_ends, killed = None, True  # its end is told by the next frame
                continue
            match frame["op"]:
                case "begun":
                    begun = True
                    on_begun()
                case "progress":
                    on_progress(Progress.model_validate(frame["progress"]))
                case "preview":
                    with suppress(OSError):  # the next is on its way
                        on_preview(Path(frame["path"]).read_bytes())
                case "cancel" if patience_ends is None:
                    canceled_at = time.monotonic()
                    patience_ends = canceled_at + _CANCEL_S
                    process.cancel(self.id)
                case "cancel":
                    pass
                case "lost" if not begun and patience_ends is None and not killed:
                    return None
                case _:
                    return frame


class Engine:
    """The engine of one worker. Its process starts with the first call; calls may come from many threads."""

    def __init__(self, settings: RunnerSettings, before_start: Callable[[], None] = lambda: None) -> None:
        self._settings, self._before_start = settings, before_start
        self._process: EngineProcess | None = None
        self._closed = False
        self._lock = threading.Lock()

    @property
    def pid(self) -> int | None:
        """Of its process, if there is one."""
        process = self._process
        return process.pid if process and process.alive else None

    def call(self, order: DrawOrder) -> EngineCall:
        """A call that is not made yet: `run` makes it."""
        return EngineCall(self, order)

    def draw(
        self,
        order: DrawOrder,
        on_progress: Callable[[Progress], None] = lambda _: None,
        on_preview: Callable[[bytes], None] = lambda _: None,
    ) -> Drawn:
        """Draws in one go, see `EngineCall.run`."""
        return self.call(order).run(on_progress, on_preview)

    def start(self) -> None:
        """Starts the process, if there is none; a call does so by itself."""
        with self._lock:
            self._living()

    def enter(self, call_id: str, frames: queue.SimpleQueue[Frame]) -> EngineProcess:
        """The process, which from now on answers this call into `frames`; started if there is none."""
        with self._lock:
            process = self._living()
            process.enter(call_id, frames)
            return process

    def loaded(self) -> list[str]:
        """The keys of the checkpoints it holds, as last told; never waits."""
        process = self._process
        return list(process.loaded) if process and process.alive else []

    def stats(self) -> dict[str, Any]:
        """Counts since the process started; empty if there is none, or it does not answer within 10 s."""
        process, call_id = self._process, uuid.uuid4().hex
        if process is None or not process.alive:
            return {}
        frames: queue.SimpleQueue[Frame] = queue.SimpleQueue()
        process.enter(call_id, frames)
        try:
            process.send({"op": "stats", "call": call_id})
            answer = frames.get(timeout=_STATS_S)
            return dict(answer["stats"]) if answer["op"] == "stats" else {}
        except queue.Empty:
            return {}
        finally:
            process.leave(call_id)

    def close_idle(self, longer_than_s: float = 0.0) -> None:
        """Ends the process if it has had nothing to do for so long."""
        with self._lock:
            process = self._process
            if process is None or (process.alive and process.idle_s() < longer_than_s):
                return
            self._process = None
        process.close()

    def close(self) -> None:
        """Ends the process for good; calls in it raise `EngineLost`, and so does every later one."""
        with self._lock:
            process, self._process, self._closed = self._process, None, True
        if process is not None:
            process.close()

    def _living(self) -> EngineProcess:
        if self._closed:
            raise EngineLost
        if self._process is not None and not self._process.alive:
            self._process.close()
            self._process = None
        if self._process is None:
            self._before_start()
            self._process = EngineProcess(self._settings)
        return self._process


def _drawn(frame: Frame) -> Drawn:
    """What an answer says.

    Raises:
        JobFailed, CallDropped, RunnerLost, EngineLost, RunnerOutOfMemory: as `EngineCall.run`.
    """
    match frame["op"]:
        case "result":
            pictures = tuple(DrawnPicture(Path(p["path"]), p["width"], p["height"]) for p in frame["pictures"])
            return Drawn(pictures, frame["waited_s"], frame["drawn_s"])
        case "failed":
            details = dict(frame["error"])
            raise JobFailed(details.pop("code"), details.pop("message"), **details)
        case "out_of_memory":
            raise MemoryShared if frame["shared"] else RunnerOutOfMemory
        case "dropped":
            raise CallDropped
    raise frame.get("error", EngineLost)
