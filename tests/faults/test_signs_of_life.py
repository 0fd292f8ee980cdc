"""Processes without an API show that they go on by a file that they touch at each look for work."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from impasto.testing.processes import Process, eventually
from impasto.testing.stacks import Stack
from tests.contracts.kept import ROOT

_HEALTHY = [sys.executable, "-I", ROOT / "deploy" / "docker" / "healthy.py"]


def _is_healthy(sign: Path) -> bool:
    return subprocess.run([*_HEALTHY, sign], timeout=20, check=False).returncode == 0


def _started(stack: Stack, role: str, sign: Path) -> Process:
    arguments = ("worker", "--name", "w", "--queues", "test") if role == "impasto_worker" else ()
    process = stack.start(role, *arguments, IMPASTO_READY_FILE=str(sign))
    eventually(sign.exists, f"{role} is ready; see {process.log}")
    return process


@pytest.mark.parametrize("role", ["impasto_notifier", "impasto_reconciler", "impasto_worker"])
def test_a_process_that_hangs_is_not_healthy_and_one_that_goes_on_is(stack: Stack, tmp_path: Path, role: str) -> None:
    sign = tmp_path / "alive"
    process = _started(stack, role, sign)
    process.signal(signal.SIGSTOP)
    long_ago = time.time() - 90
    os.utime(sign, (long_ago, long_ago))
    assert not _is_healthy(sign)
    process.signal(signal.SIGCONT)
    eventually(lambda: _is_healthy(sign), "it has looked for work again", 15)


def test_a_sign_that_is_taken_away_ends_nothing(stack: Stack, tmp_path: Path) -> None:
    sign = tmp_path / "alive"
    process = _started(stack, "impasto_reconciler", sign)
    sign.unlink()
    stack.sql("INSERT INTO tenants (id, name) VALUES ('tnt_t', 't')")
    stack.sql(
        """INSERT INTO jobs (id, tenant_id, kind, queue, shape, params, run_limit_s, finish_by)
           VALUES ('job_t', 'tnt_t', 'test.stamp', 'test', 'pool', '{"text": "x"}', 60, now())"""
    )
    eventually(lambda: stack.sql("SELECT state FROM jobs") == [("failed",)], "it goes on sweeping")
    assert process.alive
    assert not sign.exists()
