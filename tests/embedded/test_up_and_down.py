"""`impasto up`, `status`, `doctor`, `down`, `reset` with everything real, in a home that nobody else may enter."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from minio import Minio

from impasto.embedded.credentials import Credentials
from impasto.embedded.layout import Layout
from impasto.embedded.processes import started_at_ticks
from impasto.embedded.state import State
from impasto.testing.processes import eventually, free_port


@dataclass
class Platform:
    layout: Layout
    port: int
    models: Path

    def impasto(self, *arguments: str, code: int = 0) -> str:
        """Runs the command line as a user does, without anything of this machine's servers in the environment."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("IMPASTO_")}
        environment = kept | {"HOME": str(self.layout.data.parent), "IMPASTO_MODELS": str(self.models)}
        done = subprocess.run(
            [Path(sys.executable).parent / "impasto", *arguments, "--data", self.layout.data],
            env=environment, capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout + done.stderr

    @property
    def state(self) -> State:
        state = State.read(self.layout.state)
        assert state
        return state


@pytest.fixture(scope="module")
def platform(
    tmp_path_factory: pytest.TempPathFactory, models_folder: Path, ports_of_people: None
) -> Iterator[Platform]:
    home = tmp_path_factory.mktemp("home")
    home.chmod(0o700)
    made = Platform(Layout(home / ".impasto"), free_port(), models_folder)
    try:
        yield made
    finally:
        made.impasto("reset", "--yes")


@pytest.fixture
def up(platform: Platform) -> Platform:
    platform.impasto("up", "--port", str(platform.port))
    return platform


def test_up_makes_a_platform_that_answers_with_the_key_it_prints(up: Platform) -> None:
    client = json.loads(up.layout.client.read_text())
    assert client["url"] == f"http://127.0.0.1:{up.port}"
    assert up.layout.client.stat().st_mode & 0o777 == 0o600
    answer = httpx.get(
        f"{client['url']}/v1/jobs", headers={"Authorization": f"Bearer {client['api_key']}"}, trust_env=False
    )
    assert answer.status_code == 200
    assert httpx.get(f"{client['url']}/v1/jobs", trust_env=False).status_code == 401


@pytest.mark.alone
def test_a_second_up_does_nothing_and_says_so_within_a_second(up: Platform) -> None:
    pids = {name: part.pid for name, part in up.state.parts.items()}
    began = time.monotonic()
    said = up.impasto("up")
    assert time.monotonic() - began < 1
    assert f"already up at http://127.0.0.1:{up.port}" in said
    assert {name: part.pid for name, part in up.state.parts.items()} == pids


@pytest.mark.parametrize("name", ["postgres", "redis", "s3", "gateway"])
def test_a_killed_part_comes_back(name: str, up: Platform) -> None:
    killed = up.state.parts[name].pid
    assert killed
    os.kill(killed, signal.SIGKILL)
    eventually(
        lambda: (part := up.state.parts[name]).pid not in (None, killed) and part.status == "ready",
        f"{name} is ready again",
    )
    eventually(lambda: httpx.get(f"http://127.0.0.1:{up.port}/readyz", trust_env=False).is_success, "it serves")


def test_status_and_doctor_say_what_runs(up: Platform) -> None:
    assert json.loads(up.impasto("status", "--json"))["ready"] is True
    findings = {finding["name"]: finding for finding in json.loads(up.impasto("doctor", "--json"))}
    assert {"python", "postgres", "redis", "s3", "platform", "disk", "memory", "gpu"} <= set(findings)
    assert findings["platform"]["detail"].startswith(f"up at http://127.0.0.1:{up.port}")


def test_down_leaves_no_process_and_up_brings_the_same_platform_back(up: Platform) -> None:
    key, ports = up.layout.api_key.read_text(), up.state.about["ports"]
    store = _store(up)
    store.put_object("impasto", "before", io.BytesIO(b"kept"), 4)
    pids = [part.pid for part in up.state.parts.values() if part.pid]
    assert "stopped" in up.impasto("down")
    assert [pid for pid in pids if started_at_ticks(pid)] == []
    assert "nothing was running" in up.impasto("down")
    up.impasto("status", code=1)
    up.impasto("up")
    assert (up.layout.api_key.read_text(), up.state.about["ports"]) == (key, ports)
    assert up.state.about["port"] == up.port
    for number in range(30):  # the restarted store must not give out a place that is taken
        store.put_object("impasto", f"after/{number}", io.BytesIO(b"another"), 7)
    assert store.get_object("impasto", "before").read() == b"kept"


def test_up_after_everything_was_killed_starts_over(up: Platform) -> None:
    state = up.state
    os.kill(state.supervisor.pid, signal.SIGKILL)
    eventually(lambda: not state.supervisor.alive(), "the supervisor is gone")
    for part in state.parts.values():
        if part.pid and started_at_ticks(part.pid):
            os.kill(part.pid, signal.SIGKILL)
    assert f"is up at http://127.0.0.1:{up.port}" in up.impasto("up")
    assert up.state.supervisor.alive()
    assert not {part.pid for part in state.parts.values() if part.pid} & {part.pid for part in up.state.parts.values()}
    assert httpx.get(f"http://127.0.0.1:{up.port}/readyz", trust_env=False).is_success


def test_a_taken_port_is_told_and_leaves_nothing_running(platform: Platform) -> None:
    platform.impasto("down")
    with subprocess.Popen([sys.executable, "-m", "http.server", "--bind", "127.0.0.1", str(platform.port)]) as other:
        eventually(lambda: _answers(platform.port), "the other server answers")
        said = platform.impasto("up", "--port", str(platform.port), code=1)
        other.terminate()
    assert f"port {platform.port} of 127.0.0.1 is in use" in said
    assert "nothing was running" in platform.impasto("down")


def test_reset_removes_everything(up: Platform) -> None:
    assert up.layout.postgres.exists()
    up.impasto("reset", "--yes")
    assert not up.layout.postgres.exists()
    assert list(up.layout.data.iterdir()) == []
    up.impasto("status", code=1)


def _store(up: Platform) -> Minio:
    secrets, port = Credentials.kept(up.layout.credentials), up.state.about["ports"]["s3"]
    return Minio(f"127.0.0.1:{port}", secrets.s3_access_key, secrets.s3_secret_key, secure=False)


def _answers(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/", timeout=1, trust_env=False).is_success
    except httpx.TransportError:
        return False
