"""What is forked is as good as what is started: its output, its end, its session, its environment."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from impasto.testing.forkserver import ForkServers
from impasto.testing.processes import eventually, free_port

_SETTINGS = "IMPASTO_DATABASE_URL", "IMPASTO_REDIS_URL", "IMPASTO_S3_ENDPOINT"


@pytest.fixture(scope="module")
def forks() -> Iterator[ForkServers]:
    made = ForkServers()
    yield made
    made.stop()


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "log"


def _without_settings(**changes: str) -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name not in _SETTINGS} | changes


def test_a_command_ends_well_and_its_output_is_in_the_log(forks: ForkServers, log: Path) -> None:
    forked = forks.start("impasto_worker", ["worker", "--help"], _without_settings(), log)
    assert forked.wait(20) == 0
    assert forked.poll() == 0
    assert "--slots" in log.read_text()


def test_it_has_the_environment_that_it_was_given(forks: ForkServers, log: Path) -> None:
    # Whether it finds an address of the database, and none of Redis, depends on nothing else.
    given = _without_settings(IMPASTO_DATABASE_URL="postgresql://nobody@127.0.0.1:1/none")
    assert forks.start("impasto_gateway", [], given, log).wait(20) == 1
    assert "IMPASTO_REDIS_URL is not set" in log.read_text()


def test_it_runs_in_a_session_of_its_own_until_it_is_killed(forks: ForkServers, log: Path) -> None:
    given = {
        "IMPASTO_DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none",
        "IMPASTO_S3_ENDPOINT": "http://127.0.0.1:1",
    }
    first, second = (
        forks.start("impasto_ingestion", [], _without_settings(**given, IMPASTO_INGESTION_PORT=str(free_port())), log)
        for _ in range(2)
    )
    assert {os.getsid(first.pid), os.getsid(second.pid)} == {first.pid, second.pid}
    with pytest.raises(subprocess.TimeoutExpired):
        first.wait(0.1)
    assert first.poll() is None
    os.kill(first.pid, signal.SIGKILL)
    assert first.wait(5) == -signal.SIGKILL
    eventually(lambda: not Path(f"/proc/{first.pid}").exists(), "it is gone")
    assert second.poll() is None
    os.kill(second.pid, signal.SIGTERM)
    assert second.wait(20) == -signal.SIGTERM, "it waits for nobody"


@pytest.mark.parametrize("name", ["PYTHONPATH", "LD_PRELOAD", "TZ", "TEST_STAMP_NO_PROGRESS_S"])
def test_what_may_be_read_when_something_is_loaded_cannot_be_changed_by_forking(forks: ForkServers, name: str) -> None:
    assert forks.can_start("impasto_gateway", _without_settings(IMPASTO_DATA="elsewhere"))
    assert not forks.can_start("impasto_gateway", _without_settings(**{name: "other"}))


def test_what_was_not_imported_is_not_forked(forks: ForkServers) -> None:
    assert not forks.can_start("impasto_studio", dict(os.environ))
