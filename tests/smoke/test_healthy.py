"""The program that tells a container's health."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from impasto.testing.processes import free_port
from tests.contracts.kept import ROOT


class _Answers(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/readyz" else 503)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Answers) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def _healthy(*signs: str) -> int:
    command = [sys.executable, "-I", ROOT / "deploy" / "docker" / "healthy.py", *signs]
    return subprocess.run(command, timeout=20, check=False).returncode


def test_a_part_that_answers_with_200_is_healthy(url: str) -> None:
    assert _healthy(f"{url}/readyz") == 0


def test_a_part_that_says_it_is_not_ready_is_not_healthy(url: str) -> None:
    assert _healthy(f"{url}/degraded") == 1


def test_a_part_that_is_not_there_is_not_healthy() -> None:
    assert _healthy(f"http://127.0.0.1:{free_port()}/readyz") == 1


def test_a_part_whose_sign_of_life_is_old_or_missing_is_not_healthy_though_it_answers(url: str, tmp_path: Path) -> None:
    sign = tmp_path / "alive"
    assert _healthy(f"{url}/readyz", str(sign)) == 1
    sign.touch()
    assert _healthy(f"{url}/readyz", str(sign)) == 0
    assert _healthy(f"{url}/degraded", str(sign)) == 1
    os.utime(sign, (time.time(), time.time() - 90))
    assert _healthy(f"{url}/readyz", str(sign)) == 1
