"""The jobs in an engine and what they hold: who is drawn, which weights are theirs, how one leaves."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any, Final

from impasto.backends.telemetry.bound import bound
from impasto.errors import ImpastoError, JobFailed
from impasto.faults import trace_of
from impasto_ml.families.memory import release
from impasto_ml.families.text_to_image import TextToImage
from impasto_worker.engine_cache import CheckpointCache
from impasto_worker.engine_calls import Call, Running
from impasto_worker.engine_pictures import PictureWriter
from impasto_worker.runner_child import is_out_of_memory

_LOG = logging.getLogger("impasto.engine")

_FATAL: Final = frozenset({"AcceleratorError"})


def is_fatal(error: BaseException) -> bool:
    """Whether nothing on the device can be trusted any more: the process ends, and its jobs are drawn again."""
    return type(error).__name__ in _FATAL


class Roster:
    """All calls in the order in which they came. The loop's alone."""

    def __init__(self, cache: CheckpointCache, writer: PictureWriter, device: str) -> None:
        self.cache, self.writer, self.device = cache, writer, device
        self._calls: dict[str, Call] = {}

    def __iter__(self) -> Iterator[Call]:
        return iter(list(self._calls.values()))

    def __len__(self) -> int:
        return len(self._calls)

    def add(self, call: Call) -> None:
        self._calls[call.id] = call

    def get(self, call_id: str) -> Call | None:
        return self._calls.get(call_id)

    def forget(self, call_id: str) -> None:
        """Of a call that has its answer."""
        self._calls.pop(call_id, None)

    def running(self) -> list[Running]:
        """Every drawing that is begun and not finished."""
        return [running for call in self._calls.values() for running in call.turn]

    def family(self, call: Call) -> TextToImage[Any]:
        """The weights of a call that has begun."""
        return self.cache.held(call.key).family

    def in_use(self) -> set[str]:
        """The keys of checkpoints that must stay."""
        return {call.key for call in self._calls.values() if call.active and call.begun_at is not None}

    def drawing_bytes(self) -> int:
        """What all running drawings need, by their families' estimates."""
        return sum(running.size_bytes for running in self.running())

    def leave(self, call: Call, frame: dict[str, Any]) -> None:
        """The call ends here with this answer; what it holds is freed."""
        call.left = True
        for running in list(call.turn):
            self.abandon(running)
        call.pending.clear()
        self.forget(call.id)
        self.writer.answer({**frame, "call": call.id})

    def abandon(self, running: Running) -> None:
        """Frees one drawing that is not going to be finished."""
        running.call.turn.remove(running)
        self.family(running.call).abandon(running.drawing)

    def begin_again(self, running: Running) -> None:
        """Frees one drawing; it is begun once more, with the same seed, when there is room."""
        self.abandon(running)
        running.call.pending.appendleft(running.index)

    def lack(self, call: Call) -> None:
        """The call ends for lack of memory; beside others that are drawn it need not be the one that needs too much."""
        shared = any(other.turn for other in self if other is not call)
        self.leave(call, {"op": "out_of_memory", "shared": shared})

    def fail(self, call: Call, error: Exception) -> None:
        """The call ends by a fault of its own; the others are not hurt."""
        if is_out_of_memory(error):
            release(self.device)
            self.lack(call)
            return
        if not isinstance(error, ImpastoError):
            with bound(**call.bound):
                _LOG.error("a job failed in the engine\n%s", trace_of(error))
            error = JobFailed("internal_error", f"{type(error).__name__} in the engine")
        self.leave(call, {"op": "failed", "error": error.as_record()})
