"""One part as the supervisor runs it: started, probed, restarted with growing pauses, stopped."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import time
from pathlib import Path

from impasto.embedded.files import rotate
from impasto.embedded.layout import Layout
from impasto.embedded.part import Part
from impasto.embedded.processes import signal_group, spawn, started_at_ticks
from impasto.embedded.state import PartState

# A killed part is back within a second; one that keeps dying does not burn the machine.
PAUSES_S = (0.1, 0.3, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0)
# A part that has been ready for so long has recovered: its next death starts at the first pause again.
RECOVERED_S = 30.0
PROBE_EVERY_S = 0.05

_log = logging.getLogger(__name__)


class Running:
    """`due`: when (monotonic clock) something has to be done about it without an event; None when nothing has."""

    def __init__(self, part: Part, layout: Layout) -> None:
        self.part = part
        self.state = PartState(since=time.time(), optional=part.optional, once=part.once)
        self.process: subprocess.Popen[bytes] | None = None
        self.pidfd: int | None = None
        self.watched = False
        self.due: float | None = None
        self._layout = layout
        self._began = 0.0
        self._stop_wanted = False
        rotate(layout.log(part.name))

    @property
    def lets_others_start(self) -> bool:
        """Ready now; or an optional one that has been tried."""
        return self.state.well or (self.part.optional and self.state.failures > 0)

    def start(self, now: float) -> None:
        """Starts the process; a command that cannot even be run counts as one that ended at once."""
        output = None
        self._layout.ready_file(self.part.name).unlink(missing_ok=True)
        try:
            with self._layout.log(self.part.name).open("ab") as log:
                if self.part.output:
                    beside = os.open(self._beside(), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
                    output = os.fdopen(beside, "wb")
                self.process = spawn(self.part, log, output)
        except (OSError, subprocess.SubprocessError) as error:
            _log.error("%s cannot be started: %s", self.part.name, error)
            self._failed(now, 127)
            return
        finally:
            if output:
                output.close()
        self.pidfd, self.watched = os.pidfd_open(self.process.pid), False
        self.state.pid, self.state.ticks = self.process.pid, started_at_ticks(self.process.pid)
        self._began = now
        self._become("starting")
        # A one-shot is ready when it has ended, so there is nothing to ask it.
        self.due = None if self.part.once else now + PROBE_EVERY_S

    def tend(self, now: float) -> None:
        """Does what is due: probes, starts again, or kills what did not stop."""
        if self.due is None or now < self.due:
            return
        if self.state.status == "starting":
            self._probe(now)
        elif self.state.status == "backoff":
            self.start(now)
        elif self.state.status == "stopping" and self.process:
            _log.warning("%s did not stop within %g s and is killed", self.part.name, self.part.grace_s)
            signal_group(self.process.pid, signal.SIGKILL)
            self.due = None

    def ended(self) -> None:
        """The kernel says that the process has ended."""
        assert self.process is not None
        assert self.pidfd is not None
        code, now = self.process.wait(), time.monotonic()
        # Whatever it left in its group would hold its port or its memory.
        signal_group(self.process.pid, signal.SIGKILL)
        os.close(self.pidfd)
        was_ready_s = time.time() - self.state.since if self.state.status == "ready" else 0.0
        self.process = self.pidfd = self.state.pid = self.state.ticks = None
        self.due, self.state.exit_code = None, code
        if self._stop_wanted:
            self._become("stopped")
        elif self.part.once and code == 0:
            if self.part.output:
                self._beside().replace(self.part.output)
            self._become("done")
        else:
            _log.error("%s ended with code %d", self.part.name, code)
            if was_ready_s >= RECOVERED_S:
                self.state.failures = 0
            self._failed(now, code)

    def stop(self, now: float) -> None:
        """Tells it to stop, once."""
        if self._stop_wanted:
            return
        self._stop_wanted = True
        if self.process:
            self.process.send_signal(self.part.stop_signal)
            self._become("stopping")
            self.due = now + self.part.grace_s
        else:
            self.due = None
            if self.state.status != "done":
                self._become("stopped")

    def _probe(self, now: float) -> None:
        assert self.process is not None
        age_s = now - self._began
        if self.part.probe.ready(self.process.pid, age_s):
            _log.info("%s is ready after %.2f s", self.part.name, age_s)
            self._become("ready")
            self.due = None
        elif age_s > self.part.ready_within_s:
            _log.error("%s is not ready after %g s and is started again", self.part.name, age_s)
            signal_group(self.process.pid, signal.SIGKILL)
            self.due = None
        else:
            self.due = now + PROBE_EVERY_S

    def _failed(self, now: float, code: int) -> None:
        self.state.exit_code = code
        self.state.failures += 1
        if self.part.once and self.part.optional:
            # It had its try; the next `up` gives it another.
            self._become("failed")
            return
        self.state.restarts += 1
        self.due = now + PAUSES_S[min(self.state.failures, len(PAUSES_S)) - 1]
        self._become("backoff")

    def _become(self, status: str) -> None:
        self.state.status, self.state.since = status, time.time()

    def _beside(self) -> Path:
        """Where the output grows until the process has ended well."""
        assert self.part.output is not None
        return self.part.output.with_name(f".{self.part.output.name}.new")
