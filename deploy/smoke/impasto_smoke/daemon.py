"""A Docker daemon of our own in a network of its own: no container or firewall of this machine is touched."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
from pathlib import Path
from types import TracebackType
from typing import Final

from impasto_smoke.running import Failed, eventually, run, tell

_CLONE_NEWNET: Final = 0x40000000
_READY_S: Final = 60.0
_STOP_S: Final = 60.0


def enter_own_network() -> None:
    """Leaves the machine's network for a new one that has a loopback and nothing else; children are in it too.

    Raises:
        Failed: the kernel does not allow it.
    """
    if ctypes.CDLL(None, use_errno=True).unshare(_CLONE_NEWNET) != 0:
        raise Failed(f"no network of its own: {os.strerror(ctypes.get_errno())}")
    run(["ip", "link", "set", "lo", "up"])


def docker() -> str:
    """The client of the daemon's own package: one from elsewhere may not know how to build."""
    return "/usr/bin/docker" if Path("/usr/bin/docker").exists() else "docker"


class Daemon:
    """A context in which `docker` and `docker-compose` talk to a daemon that was started for it.

    Images and their layers stay in `data` for the next run; containers, sockets and logs go with `folder`.
    """

    def __init__(self, data: Path, folder: Path) -> None:
        self._data, self._folder = data, folder
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Daemon:
        socket, log = self._folder / "docker.sock", self._folder / "dockerd.log"
        # Rules of a firewall are left alone: published ports are served by Docker's own proxy.
        options = ("--iptables=false", "--ip6tables=false", "--ip-masq=false", "--userland-proxy=true")
        places = ("--data-root", self._data, "--exec-root", self._folder / "exec", "--pidfile", self._folder / "pid")
        with log.open("wb") as output:
            self._process = subprocess.Popen(
                ["dockerd", *options, *map(str, places), "--host", f"unix://{socket}"],
                stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True,
            )  # fmt: skip
        os.environ |= {"DOCKER_HOST": f"unix://{socket}", "DOCKER_BUILDKIT": "1"}
        try:
            eventually(lambda: self._answers(log), "the Docker daemon answers", _READY_S, pause_s=0.3)
        except BaseException:  # a daemon that did start must not outlive a failed start
            self._stop()
            raise
        tell(f"docker: {run([docker(), 'version', '--format', '{{.Server.Version}}']).strip()}, started for this run")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop()
        del os.environ["DOCKER_HOST"]

    def _answers(self, log: Path) -> bool:
        assert self._process
        if self._process.poll() is not None:
            raise Failed(f"the Docker daemon ended:\n{log.read_text()[-1500:]}")
        done = subprocess.run([docker(), "info"], capture_output=True, check=False)
        return done.returncode == 0

    def _stop(self) -> None:
        assert self._process
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
