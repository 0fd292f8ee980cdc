"""The engine's loop: hears calls, admits drawings, has a batch advanced by one step, and again."""

from __future__ import annotations

import time
from collections.abc import Callable
from queue import Empty, SimpleQueue
from typing import Any, Final

from impasto.errors import JobFailed
from impasto_worker.engine_calls import Call, Running, next_to_admit
from impasto_worker.engine_orders import DrawOrder
from impasto_worker.engine_pace import Pace
from impasto_worker.engine_roster import Roster, is_fatal
from impasto_worker.engine_steps import Steps
from impasto_worker.runner_child import Report
from impasto_worker.weight_faults import named_fault

# A job whose checkpoint found no room for so long is waited for: later jobs begin nothing until it has it.
_PATIENCE_S: Final = 10.0
# Beginning a drawing encodes its words; those that are being drawn do not wait longer than this for it.
_ADMITTING_S: Final = 0.1

Frame = dict[str, Any]


class EngineLoop:
    """Everything here happens in one thread, between two steps; frames come through `inbox`."""

    def __init__(self, inbox: SimpleQueue[Frame], send: Callable[[Frame], None], roster: Roster, width: int) -> None:
        self._inbox, self._send, self._roster = inbox, send, roster
        self._cache, self._steps = roster.cache, Steps(roster, width, hear=self._hear)
        self._told: list[str] = []
        self._pace = Pace()

    def run_for_ever(self) -> None:
        idle = True
        while True:
            self._hear(wait=idle)
            self._admit()
            self._tell_loaded()
            idle = not self._roster.running()
            self._steps.advance()

    def _hear(self, *, wait: bool = False) -> None:
        """Takes all that has come; waits only if nothing was drawn and nothing could be begun."""
        if self._pace.heard():
            # Before anything is taken: whoever wants to leave learns how long that may take.
            self._send({"op": "pace", "turn_s": self._pace.turn_s})
        try:
            while True:
                self._take(self._inbox.get(block=wait))
                wait = False
        except Empty:
            self._pace.begin()

    def _take(self, frame: Frame) -> None:
        match frame["op"]:
            case "draw":
                self._roster.add(self._entered(frame))
            case "cancel":
                if call := self._roster.get(frame["call"]):
                    self._roster.leave(call, {"op": "dropped"})
            case "stats":
                self._send({"op": "stats", "call": frame["call"], "stats": self._stats()})
            case "loaded":
                self._settle()
            case "written":
                self._roster.forget(frame["call"])
            case "unwritable":
                if call := self._roster.get(frame["call"]):
                    self._roster.fail(call, frame["error"])

    def _settle(self) -> None:
        """A load that went wrong is told to whoever has waited longest for it: the others have it tried again."""
        roster = self._roster
        for key, error in self._cache.settle(roster.in_use(), roster.drawing_bytes()).items():
            if is_fatal(error):
                raise error
            if waiting := next((call for call in roster if call.key == key and call.active), None):
                roster.fail(waiting, _named(error))

    def _entered(self, frame: Frame) -> Call:
        identifier = frame["call"]
        report = Report(lambda told: self._send({**told, "call": identifier}))
        return Call(identifier, DrawOrder.from_frame(frame), report, frame.get("bound", {}))

    def _admit(self) -> None:
        until, busy = time.monotonic() + _ADMITTING_S, bool(self._roster.running())
        while any(self._begin_one(call) for call in self._candidates()):
            self._hear()
            if busy and time.monotonic() > until:
                return

    def _candidates(self) -> list[Call]:
        calls: list[Call] = [call for call in self._roster if call.active]
        if alone := next((call for call in calls if call.order.alone), None):
            # It may have killed engines before: it begins when nobody else is in here, and nobody begins beside it.
            others = [call for call in self._roster if call is not alone and call.begun_at is not None]
            calls = others or [alone]
        longest_ago = time.monotonic() - _PATIENCE_S
        if starved := next((call for call in calls if call.starved and call.arrived_at < longest_ago), None):
            calls = [call for call in calls if call.begun_at or call.arrived_at <= starved.arrived_at]
        return next_to_admit(calls, self._steps.width_of)

    def _begin_one(self, call: Call) -> bool:
        """Begins one more drawing of the call; says whether something changed, so that it is worth to look again."""
        roster, cache = self._roster, self._cache
        try:
            loaded = cache.get(call.order.checkpoint, roster.in_use(), roster.drawing_bytes())
            if loaded is None:
                call.starved = not cache.is_loading(call.key)
                if call.starved:
                    call.begun_at = None  # it may have been larger than was thought
                else:
                    self._note_begun(call)
                return False
            family, in_use, request = loaded.family, {*roster.in_use(), call.key}, call.order.requests[call.pending[0]]
            size = family.drawing_bytes(request)
            fits = cache.make_room(size, in_use, roster.drawing_bytes())
            if not fits and roster.running():
                call.starved = call.begun_at is None
                return False
            self._note_begun(call)
            index = call.pending.popleft()
            call.turn.append(Running(call, index, family.begin(request), size))
            if request.adapters:
                cache.measure(call.key, in_use, roster.drawing_bytes())
        except Exception as error:  # the edge of a call: its fault must not hurt the others
            if is_fatal(error):
                raise
            roster.fail(call, _named(error))
        return True

    def _note_begun(self, call: Call) -> None:
        if call.begun_at is None:
            call.begun_at, call.starved = time.monotonic(), False
            self._send({"op": "begun", "call": call.id})

    def _tell_loaded(self) -> None:
        if (keys := self._cache.keys) != self._told:
            self._told = keys
            self._send({"op": "loaded", "keys": keys, "took_s": self._cache.told_loads()})

    def _stats(self) -> Frame:
        roster, cache, steps = self._roster, self._cache, self._steps
        return {
            "steps": steps.count,
            "widths": {str(width): count for width, count in sorted(steps.widths.items())},
            "drawn": steps.drawn,
            "running": len(roster.running()),
            "waiting": sum(len(call.pending) for call in roster),
            "calls": len(roster),
            "loaded": cache.keys,
            "loads": cache.loads,
            "evictions": cache.evictions,
            "memory_bytes": cache.budget_bytes,
            "memory_used_bytes": cache.used_bytes + roster.drawing_bytes(),
        }


def _named(error: Exception) -> Exception:
    """What a family says of a request it cannot draw, with its code."""
    if (fault := named_fault(error)) is not None:
        return fault
    if isinstance(error, ValueError):
        return JobFailed("value_invalid", f"the checkpoint cannot draw this: {error}")
    if isinstance(error, OSError):
        return JobFailed("image_decode_failed", "the picture to start from could not be read")
    return error
