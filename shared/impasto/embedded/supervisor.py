"""Starts the parts in their order, starts again what dies, stops them in reverse; sleeps when nothing happens."""

from __future__ import annotations

import logging
import os
import selectors
import signal
import time
from typing import Any

from impasto.embedded.layout import Layout
from impasto.embedded.part import Part, in_order
from impasto.embedded.processes import boot_id, group_lingers, signal_group
from impasto.embedded.running import Running
from impasto.embedded.state import State, own_mark

_log = logging.getLogger(__name__)
_REAPED_WITHIN_S = 2.0


class Supervisor:
    """Runs parts until SIGTERM or SIGINT. One thread, no polling: it waits for pidfds, signals and due times."""

    def __init__(self, parts: list[Part], layout: Layout, about: dict[str, Any] | None = None) -> None:
        self._layout = layout
        self._selector = selectors.DefaultSelector()
        self._running = {part.name: Running(part, layout) for part in in_order(parts)}
        states = {name: running.state for name, running in self._running.items()}
        self._state = State(own_mark(), boot_id(), time.time(), about or {}, states)
        self._written: str = ""

    def run(self) -> None:
        """Returns when everything has stopped."""
        wakeup = self._listen_to_signals()
        while True:
            # Probes first: what has just become ready lets others start now; nothing would wake us for them later.
            for running in self._running.values():
                running.tend(time.monotonic())
            self._stop_next() if self._state.stopping else self._start_next()
            self._watch_new()
            self._write()
            if self._state.stopping and not any(running.process for running in self._running.values()):
                return
            for key, _ in self._selector.select(self._sleep_s()):
                if key.fileobj == wakeup:
                    os.read(wakeup, 512)
                else:
                    self._selector.unregister(key.fileobj)
                    key.data.ended()

    def stop(self) -> None:
        """Begins to stop; `run` returns when that is done."""
        self._state.stopping = True

    def _listen_to_signals(self) -> int:
        read, write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.set_wakeup_fd(write, warn_on_full_buffer=False)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: self.stop())
        self._selector.register(read, selectors.EVENT_READ)
        return read

    def _start_next(self) -> None:
        for running in self._running.values():
            needs = (self._running[name] for name in running.part.after)
            if running.state.status == "waiting" and all(need.lets_others_start for need in needs):
                running.start(time.monotonic())

    def _stop_next(self) -> None:
        """A part is told to stop when nobody that needs it runs any more."""
        for name, running in self._running.items():
            dependents = (other for other in self._running.values() if name in other.part.after)
            if not any(other.process for other in dependents):
                running.stop(time.monotonic())

    def _watch_new(self) -> None:
        for running in self._running.values():
            if running.pidfd is not None and not running.watched:
                self._selector.register(running.pidfd, selectors.EVENT_READ, running)
                running.watched = True

    def _sleep_s(self) -> float | None:
        due = [running.due for running in self._running.values() if running.due is not None]
        return max(0.0, min(due) - time.monotonic()) if due else None

    def _write(self) -> None:
        seen = repr((self._state.parts, self._state.stopping))
        if seen != self._written:
            self._state.write(self._layout.state)
            self._written = seen


def end_left_overs(layout: Layout, grace_s: float = 10.0) -> None:
    """Stops what a supervisor that was killed has left running; the kernel has already told them to end."""
    state = State.read(layout.state)
    marks = state.left_over() if state else []
    deadline = time.monotonic() + grace_s
    while time.monotonic() < deadline and any(mark.alive() for mark in marks):
        time.sleep(0.05)
    for mark in marks:
        if mark.alive():
            _log.warning("process %d outlived its supervisor and is killed", mark.pid)
            signal_group(mark.pid, signal.SIGKILL)
    # PostgreSQL does not start beside children of a postmaster that was killed, nor beside that postmaster itself until
    # somebody has reaped it. Not for long: in some containers nobody ever does.
    deadline = time.monotonic() + _REAPED_WITHIN_S
    while time.monotonic() < deadline and any(group_lingers(mark.pid) for mark in marks):
        time.sleep(0.05)
