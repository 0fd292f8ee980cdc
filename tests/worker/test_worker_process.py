"""What a worker's own process may and may not hold."""

from __future__ import annotations

from pathlib import Path

from impasto.testing.stacks import Stack
from tests.asking import ended, submit


def test_no_process_but_a_runner_ever_loads_torch(platform: Stack) -> None:
    assert ended(platform, submit(platform, "test.stamp", {"text": "warm"})["id"])["state"] == "succeeded"
    for process in platform.processes:
        maps = Path(f"/proc/{process.pid}/maps").read_text()
        for library in ("libtorch", "onnxruntime", "ncnn"):
            assert library not in maps, f"{library} in process {process.pid}: see {process.log}"


def test_logs_hold_no_words_of_a_customer(platform: Stack) -> None:
    secret = "a lighthouse in a sea of milk"
    for then in ("succeed", "raise", "refuse"):
        ended(platform, submit(platform, "test.stamp", {"text": secret, "then": then})["id"])
    for process in platform.processes:
        text = process.log.read_text(errors="replace")
        assert secret not in text
        assert secret.upper() not in text
        assert platform.api_key not in text


def test_a_worker_that_is_told_to_stop_is_not_missed_and_one_that_is_killed_is(stack: Stack) -> None:
    stack.start_gateway()
    stopped, killed = stack.start_worker("stopped", ["test"]), stack.start_worker("killed", ["test"])
    stopped.stop()
    killed.kill()
    assert stack.sql("SELECT name FROM workers") == [("killed",)]
