"""Who measures time has the machine alone, and does not wait for it for ever."""

from __future__ import annotations

import fcntl
import threading
from pathlib import Path

import pytest

from impasto.testing.processes import eventually
from tests.turns import VARIABLE, one_at_a_time, turn


class Taking:
    """A test of another process, as far as turns go: it begins when it is let in and ends when it is told."""

    def __init__(self, *, alone: bool) -> None:
        self.began, self.end = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, args=[alone])
        self._thread.start()

    def _run(self, alone: bool) -> None:
        with turn(alone=alone):
            self.began.set()
            self.end.wait(30)

    def done(self) -> None:
        self.end.set()
        self._thread.join(30)
        assert not self._thread.is_alive()


@pytest.fixture
def turns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    return tmp_path


def test_tests_go_on_side_by_side_until_one_wants_to_be_alone_and_then_none_begins(turns: Path) -> None:
    first, second = Taking(alone=False), Taking(alone=False)
    assert first.began.wait(10)
    assert second.began.wait(10)
    lonely = Taking(alone=True)
    eventually(lambda: _shut(turns / "door"), "it keeps others out")
    assert not lonely.began.is_set(), "two run"
    late = Taking(alone=False)
    first.done()
    assert not late.began.wait(0.3), "somebody waits for an empty room"
    assert not lonely.began.is_set(), "one runs"
    second.done()
    assert lonely.began.wait(10)
    assert not late.began.wait(0.3), "somebody is alone"
    lonely.done()
    assert late.began.wait(10)
    late.done()


def _shut(door: Path) -> bool:
    with door.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def test_what_processes_share_is_done_by_one_at_a_time(turns: Path) -> None:
    inside: list[int] = []
    most: list[int] = []

    def share() -> None:
        with one_at_a_time("thing"):
            inside.append(1)
            most.append(len(inside))
            threading.Event().wait(0.02)
            inside.pop()

    threads = [threading.Thread(target=share) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert most == [1] * 8
    assert (turns / "thing").exists()


def test_a_run_of_one_process_has_no_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    with turn(alone=True), turn(alone=True), one_at_a_time("thing"), one_at_a_time("thing"):
        pass
