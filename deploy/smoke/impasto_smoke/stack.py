"""The stack of docker-compose.yml under a project of its own; everything that it made goes when it ends."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from types import TracebackType
from typing import Any, Final

from impasto_smoke.daemon import docker
from impasto_smoke.running import ROOT, Failed, eventually, run, tell

_PROJECT: Final = "impasto-smoke"
_HEALTHY_S: Final = 300.0
# Grafana and Flower are no packages of Debian, and are not run here.
_MONITORING: Final = ("prometheus",)


class Stack:
    """`docker-compose` on this project. `folder`: where its secrets lie while it runs."""

    url = "http://127.0.0.1:8080"
    studio_url = "http://127.0.0.1:8090"

    def __init__(self, folder: Path, *, monitoring: bool) -> None:
        self._environment_file, self._monitoring = folder / "env", monitoring

    def __enter__(self) -> Stack:
        self._environment_file.touch(mode=0o600)
        self._environment_file.write_text(run([ROOT / "deploy/compose/secrets.sh"]))
        # What this shell has set would win over the file.
        for name in [name for name in os.environ if name.startswith("IMPASTO_")]:
            del os.environ[name]
        self.compose("down", "--volumes", "--remove-orphans")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error and (keep := os.environ.get("SMOKE_LOGS")):
            Path(keep).write_text(self.compose("logs", "--no-color", "--tail", "200"))
        profiles = ("--profile", "monitoring") if self._monitoring else ()
        self.compose(*profiles, "down", "--volumes", "--remove-orphans", "--timeout", "30")
        if self.containers(everything=True):
            raise Failed("containers of the stack were left")
        tell("taken down: containers, networks and volumes are gone")

    @property
    def command(self) -> list[str]:
        """The command that stands before every word of compose's."""
        program = ["docker-compose"] if shutil.which("docker-compose") else [docker(), "compose"]
        return [*program, "-p", _PROJECT, "--env-file", str(self._environment_file)]

    def compose(self, *words: str, most_s: float = 600) -> str:
        """What that command of compose printed."""
        return run([*self.command, *words], most_s=most_s)

    def up(self, models: Path) -> None:
        """Starts everything and waits until it is healthy; the volume of weights is filled beforehand.

        Raises:
            Failed: a container did not become healthy, or a one-shot failed; the message has the end of its log.
        """
        given = ("--volume", f"{models}:/given:ro")
        self.compose("run", "--rm", "--no-deps", *given, "models", "cp", "-R", "/given/.", "/var/lib/impasto/models/")
        self.compose("up", "--detach", "--no-build")
        if self._monitoring:
            self.compose("--profile", "monitoring", "up", "--detach", "--no-build", *_MONITORING)
        eventually(self._all_well, "every container is healthy, or ended well", _HEALTHY_S)
        tell(f"{len(self.containers())} containers are healthy, {len(self._ended())} did their part and ended")

    def key(self) -> str:
        """A key for whoever runs the platform."""
        return self.compose("run", "--rm", "key").split()[-1]

    def containers(self, *, everything: bool = False) -> list[dict[str, Any]]:
        """What docker tells of each container that runs, or of those that ended too."""
        which = ["--all"] if everything else []
        label = f"label=com.docker.compose.project={_PROJECT}"
        ids = run([docker(), "ps", "--quiet", *which, "--filter", label]).split()
        found: list[dict[str, Any]] = json.loads(run([docker(), "inspect", *ids])) if ids else []
        return found

    def container(self, name: str) -> dict[str, Any]:
        """The one container of that part."""
        return next(found for found in self.containers() if name_of(found) == name)

    def inside(self, container: dict[str, Any], *command: str) -> str:
        """What a command prints inside of a container, as the user that it runs as."""
        return run([docker(), "exec", container["Id"], *command])

    def _ended(self) -> list[dict[str, Any]]:
        return [found for found in self.containers(everything=True) if found["State"]["Status"] == "exited"]

    def _all_well(self) -> bool:
        for found in self._ended():
            if found["State"]["ExitCode"] and found["HostConfig"]["RestartPolicy"]["Name"] in ("", "no"):
                said = self.compose("logs", "--no-color", "--tail", "25", name_of(found))
                raise Failed(f"{name_of(found)} ended with {found['State']['ExitCode']}\n{said}")
        for found in self.containers():
            health = found["State"].get("Health", {}).get("Status")
            if health == "unhealthy" or found["RestartCount"] > 3:
                said = self.compose("logs", "--no-color", "--tail", "25", name_of(found))
                raise Failed(f"{name_of(found)} is not healthy\n{said}")
        running = [found["State"] for found in self.containers()]
        healthy = [state for state in running if state.get("Health", {}).get("Status") == "healthy"]
        return bool(healthy) and len(healthy) == len(running)


def name_of(container: dict[str, Any]) -> str:
    """The name of its part in the compose file."""
    return str(container["Config"]["Labels"]["com.docker.compose.service"])
