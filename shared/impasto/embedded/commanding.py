"""Starting, stopping and wiping the embedded platform, as the command line does it; shows nothing itself."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from impasto.embedded.files import read_json, rotate, write_json
from impasto.embedded.layout import Layout
from impasto.embedded.ports import is_free
from impasto.embedded.state import State, is_held
from impasto.errors import Conflict, Unavailable

_LOOK_EVERY_S = 0.05
# A part that failed so often before it was ever ready will not become ready by waiting.
_HOPELESS = 3


def running(layout: Layout) -> State | None:
    """The platform of this data folder, None when it is down."""
    return _current(layout) if is_held(layout.lock) else None


def launch(layout: Layout, port: int, *, servers_alone: bool = False) -> subprocess.Popen[bytes]:
    """Starts the supervisor in a session of its own; it outlives the caller. It may start the servers alone.

    Raises:
        Conflict: somebody else listens on the gateway's port.
    """
    if not servers_alone and not is_free(port):
        hint = f"impasto up --port {port + 10}, or stop what listens there"
        raise Conflict("name_taken", f"port {port} of 127.0.0.1 is in use", hint=hint)
    layout.make()
    log = layout.log("supervisor")
    rotate(log)
    with log.open("ab") as output:
        return subprocess.Popen(
            [sys.executable, "-m", "impasto.embedded", "--data", str(layout.data), "--port", str(port)]
            + ["--servers-alone"] * servers_alone,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )


def wait_until_ready(
    layout: Layout, supervisor: subprocess.Popen[bytes] | None, show: Callable[[State], None], most_s: float
) -> State:
    """Waits for every part, optional one-shots included; `show` gets each state seen.

    Raises:
        Unavailable: the supervisor ended, a part keeps failing, or the time is over; the hint names the log.
    """
    deadline = time.monotonic() + most_s
    while time.monotonic() < deadline:
        if supervisor and supervisor.poll() is not None and not is_held(layout.lock):
            raise Unavailable("platform_unreachable", last_lines(layout.log("supervisor"), 4), hint=_see(layout))
        if state := _current(layout):
            show(state)
            _check_hope(layout, state)
            if state.ready and not any(part.status == "starting" for part in state.parts.values()):
                return state
        time.sleep(_LOOK_EVERY_S)
    raise Unavailable("platform_unreachable", f"not ready after {most_s:g} s", hint=_see(layout))


def introduce(layout: Layout, state: State) -> dict[str, str]:
    """Writes `client.json`, by which the SDK and the command line find this platform; its content."""
    content = {"url": str(state.about["url"]), "api_key": layout.api_key.read_text().strip()}
    if read_json(layout.client) != content:
        write_json(layout.client, content)
    return content


def stop(layout: Layout, most_s: float = 60.0) -> bool:
    """Tells the supervisor to stop and waits until it has; False when there was none.

    Raises:
        Unavailable: it still runs after `most_s`.
    """
    if not is_held(layout.lock):
        return False
    deadline, told = time.monotonic() + most_s, False
    while is_held(layout.lock):
        state = _current(layout)
        # Before it has written its first state it cannot be told.
        if state and not told:
            with suppress(ProcessLookupError):
                os.kill(state.supervisor.pid, signal.SIGTERM)
            told = True
        if time.monotonic() > deadline:
            raise Unavailable("platform_unreachable", f"still running after {most_s:g} s", hint=_see(layout))
        time.sleep(_LOOK_EVERY_S)
    return True


def wipe(layout: Layout, keep_models: bool = True) -> None:
    """Removes everything the platform has written; fetched models stay unless told otherwise. It has to be down."""
    assert not is_held(layout.lock), "wiping a running platform"
    for entry in layout.data.iterdir() if layout.data.exists() else ():
        if keep_models and entry == layout.models:
            continue
        shutil.rmtree(entry) if entry.is_dir() and not entry.is_symlink() else entry.unlink()
    if os.geteuid() == 0:
        shutil.rmtree(layout.root_home, ignore_errors=True)


def last_lines(log: Path, count: int = 12) -> str:
    """The end of a log, for somebody who asks why."""
    if not log.exists():
        return "(no log)"
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - 20_000))
        lines = file.read().decode(errors="replace").splitlines()
    return "\n".join(lines[-count:])


def _current(layout: Layout) -> State | None:
    # A supervisor that was killed leaves its last state behind, and that may say that all is well.
    state = State.read(layout.state)
    return state if state and state.supervisor.alive() else None


def _check_hope(layout: Layout, state: State) -> None:
    for name, part in state.parts.items():
        if part.status == "backoff" and part.failures >= _HOPELESS and not part.optional:
            message = f"{name} failed {part.failures} times, last with code {part.exit_code}:"
            raise Unavailable(
                "platform_unreachable", f"{message}\n{last_lines(layout.log(name))}", hint=f"see {layout.log(name)}"
            )


def _see(layout: Layout) -> str:
    return f"see {layout.logs} and impasto doctor"
