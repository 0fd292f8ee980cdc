"""Starting a part's process, and recognising it later."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from impasto.embedded.part import Part

_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True, slots=True)
class Mark:
    """A process beyond doubt: its number, and when it started in clock ticks since boot (numbers are used again)."""

    pid: int
    ticks: int

    def alive(self) -> bool:
        return started_at_ticks(self.pid) == self.ticks


def started_at_ticks(pid: int) -> int | None:
    """Field 22 of /proc/<pid>/stat (proc_pid_stat(5)); None when there is no such process, or it is a zombie."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    # The name in brackets may itself hold blanks and brackets.
    fields = text[text.rindex(")") + 2 :].split()
    return None if fields[0] in "ZX" else int(fields[19])


def boot_id() -> str:
    """Differs after every start of the machine, so that marks from before it are never believed."""
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def spawn(part: Part, log: IO[bytes], output: IO[bytes] | None = None) -> subprocess.Popen[bytes]:
    """Starts the part in a session of its own, as its user.

    The kernel ends it when the calling *thread* ends, so call this from the main thread.
    """
    account: dict[str, Any] = {}
    if part.account:
        account = {"user": part.account.uid, "group": part.account.gid, "extra_groups": []}
    return subprocess.Popen(
        part.command,
        stdin=subprocess.DEVNULL,
        stdout=output or log,
        stderr=log,
        env=dict(part.environment),
        start_new_session=True,
        cwd="/" if part.account else None,
        # Runs after the change of user, which would clear the signal again (prctl(2)).
        preexec_fn=_die_with(os.getpid(), part.death_signal),
        **account,
    )


def signal_group(pid: int, number: signal.Signals) -> None:
    """Signals the process group that `pid` leads or led, if anyone is left in it."""
    try:
        os.killpg(pid, number)
    except (ProcessLookupError, PermissionError):
        return


def group_lingers(pid: int) -> bool:
    """Whether anyone, be it a zombie, is left in the process group that `pid` leads or led."""
    try:
        os.killpg(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _die_with(parent: int, number: signal.Signals) -> Callable[[], None]:
    def in_child() -> None:
        _libc.prctl(_PR_SET_PDEATHSIG, int(number), 0, 0, 0)
        if os.getppid() != parent:  # it died before the call took effect
            os._exit(1)

    return in_child
