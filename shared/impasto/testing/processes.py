"""Real processes of the platform, which a test may kill, pause and start again."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import ClassVar, Final, TypeVar

import httpx

from impasto.embedded.ports import is_free
from impasto.testing.forkserver import Forked, ForkServers

T = TypeVar("T")
_START_S: Final = 30.0
# Beside those of `impasto.testing.servers`, and below Linux's range for outgoing connections.
_PORTS: Final = (10_000, 20_000)
# Not the generator that tests seed: those that run side by side would all be given the same ports.
_CHANCE: Final = random.SystemRandom()


class Process:
    """One process in its own group, with its output in a file."""

    forks: ClassVar[ForkServers | None] = None
    """What forks whatever it can, so that a test need not wait for imports; without it each is started from nothing."""

    def __init__(self, module: str, *arguments: str, environment: dict[str, str], log: Path) -> None:
        self._module, self._arguments = module, arguments
        self._environment, self.log = environment, log
        self._popen: subprocess.Popen[bytes] | Forked | None = None

    @property
    def pid(self) -> int:
        assert self._popen is not None
        return self._popen.pid

    @property
    def alive(self) -> bool:
        return self._popen is not None and self._popen.poll() is None

    def start(self) -> Process:
        environment = {**os.environ, **self._environment}
        if self.forks and self.forks.can_start(self._module, environment):
            self._popen = self.forks.start(self._module, self._arguments, environment, self.log)
            return self
        with self.log.open("ab") as log:
            self._popen = subprocess.Popen(
                [sys.executable, "-m", self._module, *self._arguments],
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        return self

    def signal(self, number: int) -> None:
        """Sends a signal to this process alone, not to its runners."""
        assert self._popen is not None
        with suppress(ProcessLookupError):  # it ends at this moment
            os.kill(self._popen.pid, number)

    def kill(self) -> None:
        """kill -9 of this process alone, and waits until it is gone."""
        if self.alive:
            self.signal(signal.SIGKILL)
        self.wait()

    def stop(self, patience_s: float = 20.0) -> None:
        """SIGTERM, then the end of the patience."""
        stop_all([self], patience_s)

    def wait(self, most_s: float | None = None) -> int:
        assert self._popen is not None
        return self._popen.wait(most_s)


def stop_all(processes: Sequence[Process], patience_s: float = 20.0) -> None:
    """SIGTERM for all that live, so that they end side by side; then the end of the patience with each."""
    living = [process for process in processes if process.alive]
    for process in living:
        process.signal(signal.SIGTERM)
    for process in living:
        try:
            process.wait(patience_s)
        except subprocess.TimeoutExpired:
            process.kill()


def free_port() -> int:
    """A port that nobody listens on at this moment, and that no outgoing connection is given meanwhile."""
    while not is_free(port := _CHANCE.randrange(*_PORTS)):
        pass
    return port


def eventually(look: Callable[[], T | None], what: str, most_s: float = _START_S) -> T:
    """What `look` finds, once it finds something.

    Raises:
        AssertionError: it found nothing within `most_s`.
    """
    deadline = time.monotonic() + most_s
    while time.monotonic() < deadline:
        if found := look():
            return found
        time.sleep(0.02)
    raise AssertionError(f"not within {most_s:g} s: {what}")


def answers(url: str) -> bool:
    """Whether an HTTP server answers there with 200."""
    try:
        return httpx.get(url, timeout=2, trust_env=False).status_code == 200
    except httpx.TransportError:
        return False
