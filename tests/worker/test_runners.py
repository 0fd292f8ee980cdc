"""Runners with real child processes."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from impasto.errors import JobFailed
from impasto.jobs import Progress
from impasto_worker.frames import ConnectionClosed, receive_frame, send_frame
from impasto_worker.runners import RunnerLost, RunnerOutOfMemory, Runners, RunnerSettings

COMPUTE = "impasto_test_kinds:compute"
PAYLOAD: dict[str, Any] = {"text": "quiet", "gate": None, "pause_at": None, "then": "succeed"}


def nothing() -> None:
    """A check that never stops anybody."""


@pytest.fixture
def runners() -> Iterator[Runners]:
    made = Runners(RunnerSettings(threads=1, environment={"IMPASTO_DEVICE": "cpu"}), width=2)
    yield made
    made.close_idle()


def test_a_child_computes_tells_progress_and_is_kept(runners: Runners) -> None:
    told: list[Progress] = []
    child = runners.take(nothing)
    assert child.call(COMPUTE, PAYLOAD, told.append) == {"text": "QUIET"}
    assert [progress.message for progress in told] == ["stamping"]
    runners.give(child, keep=True)
    again = runners.take(nothing)
    assert again.pid == child.pid
    runners.give(again, keep=False)
    assert not again.alive


def test_a_child_knows_its_threads_and_device_before_it_imports_anything(runners: Runners) -> None:
    child = runners.take(nothing)
    child.call(COMPUTE, PAYLOAD, lambda _: None)  # it has been started for certain
    environment = Path(f"/proc/{child.pid}/environ").read_bytes().split(b"\0")
    kept = b"268435456"  # large blocks are not given back and taken again at every step
    expected = {b"OMP_NUM_THREADS=1", b"IMPASTO_DEVICE=cpu", b"MALLOC_TRIM_THRESHOLD_=" + kept}
    assert expected | {b"MALLOC_MMAP_THRESHOLD_=" + kept} <= set(environment)
    runners.give(child, keep=False)


def test_a_child_is_told_no_address_and_no_key_of_database_or_store(
    runners: Runners, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in (
        "IMPASTO_ENGINE_DATABASE_URL",
        "IMPASTO_S3_SECRET_KEY",
        "PGPASSWORD",
        "AWS_SECRET_ACCESS_KEY",
        "OTEL_EXPORTER_OTLP_HEADERS",
    ):
        monkeypatch.setenv(name, "a secret")
    child = runners.take(nothing)
    assert child.call(COMPUTE, PAYLOAD, lambda _: None) == {"text": "QUIET"}
    assert b"a secret" not in Path(f"/proc/{child.pid}/environ").read_bytes()
    runners.give(child, keep=False)


@pytest.mark.parametrize(
    ("then", "error"), [("die", RunnerLost), ("out_of_memory", RunnerOutOfMemory), ("refuse", JobFailed)]
)
def test_each_way_to_fail_has_its_exception(runners: Runners, then: str, error: type[Exception]) -> None:
    child = runners.take(nothing)
    with pytest.raises(error):
        child.call(COMPUTE, {**PAYLOAD, "then": then}, lambda _: None)
    runners.give(child, keep=True)
    # A child that died is not handed out again.
    other = runners.take(nothing)
    assert other.call(COMPUTE, PAYLOAD, lambda _: None) == {"text": "QUIET"}
    assert (other.pid == child.pid) == (then != "die")
    runners.give(other, keep=False)


def test_killing_a_child_ends_its_call_at_once(runners: Runners, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    gate.touch()
    child = runners.take(nothing)
    ended: list[BaseException] = []

    def call() -> None:
        try:
            child.call(COMPUTE, {**PAYLOAD, "gate": str(gate), "pause_at": "compute"}, lambda _: None)
        except RunnerLost as error:
            ended.append(error)

    thread = threading.Thread(target=call)
    thread.start()
    while not gate.with_suffix(".compute").exists():
        time.sleep(0.01)
    child.kill()
    thread.join(5)
    assert len(ended) == 1
    runners.give(child, keep=True)


def test_waiting_for_a_free_child_can_be_stopped(runners: Runners) -> None:
    taken = [runners.take(nothing) for _ in range(2)]

    def stop() -> None:
        raise InterruptedError

    with pytest.raises(InterruptedError):
        runners.take(stop)
    for child in taken:
        runners.give(child, keep=False)
    # The place that was not taken is still there.
    runners.give(runners.take(nothing), keep=False)


def test_idle_children_leave(runners: Runners) -> None:
    child = runners.take(nothing)
    runners.give(child, keep=True)
    runners.close_idle(longer_than_s=60)
    assert child.alive
    runners.close_idle()
    assert not child.alive


def test_idle_children_leave_before_an_engine_starts(runners: Runners) -> None:
    idle, busy = runners.take(nothing), runners.take(nothing)
    runners.give(idle, keep=True)
    runners.engine.start()
    assert (idle.alive, busy.alive) == (False, True)
    runners.give(busy, keep=False)


def test_an_engine_leaves_before_another_shape_computes_and_stays_for_its_own_jobs(runners: Runners) -> None:
    runners.engine.start()
    runners.give(runners.take(nothing, beside_engine=True), keep=False)
    assert runners.engine.pid is not None
    runners.give(runners.take(nothing), keep=False)
    assert runners.engine.pid is None


def test_a_child_ends_when_its_socket_closes(runners: Runners) -> None:
    child = runners.take(nothing)
    child._socket.close()  # as the kernel does for a worker that was killed
    deadline = time.monotonic() + 5
    while child.alive and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not child.alive
    runners.give(child, keep=False)


def test_frames_carry_json_and_refuse_what_is_not() -> None:
    left, right = socket.socketpair()
    frame = {"text": "é" * 100_000, "numbers": [1, 2.5, None]}
    sender = threading.Thread(target=send_frame, args=(left, frame))
    sender.start()
    assert receive_frame(right) == frame
    sender.join()
    with pytest.raises(ValueError, match="Out of range float"):
        send_frame(left, {"loss": float("nan")})
    left.close()
    with pytest.raises(ConnectionClosed):
        receive_frame(right)
    with pytest.raises(ConnectionClosed):
        send_frame(right, {})
    right.close()


def test_a_frame_too_long_is_refused_before_it_is_read() -> None:
    left, right = socket.socketpair()
    left.sendall(b"\xff\xff\xff\xff")
    with pytest.raises(ConnectionClosed):
        receive_frame(right)
    assert os.fstat(right.fileno())
    left.close()
    right.close()
