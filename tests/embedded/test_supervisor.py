"""The supervisor with small real processes: order, restarts, stopping, and deaths of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from impasto.embedded import commanding
from impasto.embedded.layout import Layout
from impasto.embedded.processes import started_at_ticks
from impasto.embedded.state import PartState, State, is_held
from impasto.errors import Unavailable
from impasto.testing.processes import eventually


class Small:
    def __init__(self, layout: Layout) -> None:
        self.layout, self.supervisors = layout, []

    def start(self, shape: str) -> subprocess.Popen[bytes]:
        script = Path(__file__).with_name("small_platform.py")
        self.supervisors.append(subprocess.Popen([sys.executable, str(script), str(self.layout.data), shape]))
        return self.supervisors[-1]

    def part(self, name: str) -> PartState:
        state = State.read(self.layout.state)
        return state.parts[name] if state and name in state.parts else PartState()

    def ready(self, name: str) -> Any:
        return eventually(lambda: (part := self.part(name)).status == "ready" and part, f"{name} is ready", 10)


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Small]:
    made = Small(Layout(tmp_path / "data"))
    yield made
    for supervisor in made.supervisors:
        supervisor.terminate()
        supervisor.wait(20)


def test_parts_start_in_their_order_and_the_output_of_a_one_shot_is_private(small: Small) -> None:
    small.start("plain")
    client = small.ready("client")
    first, server = small.part("first"), small.part("server")
    assert first.status == "done"
    assert first.since <= server.since <= client.since
    key = small.layout.data / "key"
    assert key.read_text() == "secret\n"
    assert key.stat().st_mode & 0o777 == 0o600


@pytest.mark.alone
def test_a_killed_part_is_back_within_two_seconds(small: Small) -> None:
    small.start("plain")
    small.ready("client")
    killed, began = small.part("server").pid, time.monotonic()
    os.kill(killed, signal.SIGKILL)
    eventually(lambda: small.part("server").pid not in (None, killed), "another process", 5)
    small.ready("server")
    assert time.monotonic() - began < 2
    assert small.part("server").restarts == 1
    assert small.part("client").restarts == 0


def test_a_part_that_keeps_dying_is_started_ever_more_rarely_and_its_log_is_told(small: Small) -> None:
    supervisor = small.start("crashing")
    with pytest.raises(Unavailable, match=r"broken failed \d times, last with code 7"):
        commanding.wait_until_ready(small.layout, supervisor, lambda _: None, 20)
    small.ready("server")
    time.sleep(1.5)
    assert 3 <= small.part("broken").failures <= 5


def test_a_failed_optional_part_stops_nobody(small: Small) -> None:
    supervisor = small.start("optional")
    state = commanding.wait_until_ready(small.layout, supervisor, lambda _: None, 20)
    assert (state.parts["extra"].status, state.parts["extra"].exit_code) == ("failed", 3)
    assert state.parts["server"].status == "ready"


def test_a_program_that_is_not_there_is_tried_again_and_reported(small: Small) -> None:
    supervisor = small.start("missing")
    with pytest.raises(Unavailable, match="server failed 3 times, last with code 127"):
        commanding.wait_until_ready(small.layout, supervisor, lambda _: None, 20)


def test_a_part_that_says_it_is_ready_is_ready_only_then(small: Small) -> None:
    small.start("says")
    eventually(lambda: small.part("server").status == "starting", "it starts")
    assert not small.layout.ready_file("server").exists()
    small.ready("server")
    assert small.layout.ready_file("server").exists()


def test_parts_stop_in_reverse_order_and_leave_nothing(small: Small) -> None:
    supervisor = small.start("plain")
    small.ready("client")
    pids = [small.part(name).pid for name in ("server", "client")]
    assert commanding.stop(small.layout)
    assert (small.layout.data / "order").read_text().split() == ["client", "server"]
    assert supervisor.wait(5) == 0
    assert [started_at_ticks(pid) for pid in pids] == [None, None]
    assert not commanding.stop(small.layout)


@pytest.mark.alone
def test_a_part_that_does_not_stop_is_killed_after_its_grace(small: Small) -> None:
    small.start("stubborn")
    pid, began = small.ready("server").pid, time.monotonic()
    commanding.stop(small.layout)
    assert 0.4 < time.monotonic() - began < 3
    assert started_at_ticks(pid) is None


def test_parts_do_not_outlive_a_killed_supervisor_and_the_next_one_starts_over(small: Small) -> None:
    supervisor = small.start("plain")
    small.ready("client")
    pids = [small.part(name).pid for name in ("server", "client")]
    supervisor.kill()
    supervisor.wait()
    eventually(lambda: not any(map(started_at_ticks, pids)), "the parts are gone", 5)
    assert not is_held(small.layout.lock)
    assert commanding.running(small.layout) is None
    small.start("plain")
    eventually(lambda: small.part("client").pid not in (None, *pids), "new processes", 5)


def test_what_ignores_the_death_of_its_supervisor_is_killed_by_the_next_one(small: Small) -> None:
    supervisor = small.start("stubborn")
    pid = small.ready("server").pid
    supervisor.kill()
    supervisor.wait()
    assert started_at_ticks(pid)
    small.start("stubborn")
    eventually(lambda: started_at_ticks(pid) is None, "the old process is killed", 15)


def test_a_second_supervisor_of_one_data_folder_leaves_at_once(small: Small) -> None:
    small.start("plain")
    pid = small.ready("client").pid
    second = small.start("plain")
    assert second.wait(5) == 1
    assert small.part("client").pid == pid


def test_an_idle_supervisor_uses_no_processor(small: Small) -> None:
    supervisor = small.start("plain")
    small.ready("client")
    before = _ticks(supervisor.pid)
    time.sleep(2)
    assert _ticks(supervisor.pid) == before


def test_processes_of_an_earlier_start_of_the_machine_are_nobody(small: Small) -> None:
    small.start("plain")
    small.ready("client")
    state = State.read(small.layout.state)
    assert state
    assert state.left_over()
    state.boot = "another"
    assert not state.left_over()


def _ticks(pid: int) -> int:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return int(fields[11]) + int(fields[12])
