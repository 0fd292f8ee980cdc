"""What goes wrong is one clear line and a hint, never a traceback."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.run import impasto, read_json
from tests.client.scripted import Say, scripted


def test_without_a_platform_it_says_how_to_get_one(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    result = impasto("jobs", "list")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.splitlines()[0] == "error: no platform is known here"
    assert "impasto up" in result.stderr


def test_an_error_is_json_too_where_json_was_asked_for() -> None:
    problem = {"code": "not_found", "detail": "there is no job job_1", "request_id": "req_1"}
    with scripted(lambda *_: Say(problem, 404)) as server:
        result = impasto("jobs", "show", "job_1", "--json", url=server.url)
    assert result.exit_code == 1
    assert read_json(result)["error"]["code"] == "not_found"
    assert "there is no job job_1" in result.stderr


def test_every_fault_of_a_request_is_named() -> None:
    faults = [{"field": "params.size", "message": "too small"}, {"field": "params.fit", "message": "not known"}]
    problem = {"code": "value_invalid", "detail": "params.size: too small (and 1 more)", "errors": faults}
    with scripted(lambda *_: Say(problem, 422)) as server:
        result = impasto("jobs", "list", url=server.url)
    assert "params.fit: not known" in result.stderr


def test_a_fault_of_the_platform_comes_with_its_request_id() -> None:
    problem = {"code": "internal_error", "detail": "a fault", "request_id": "req_9"}
    with scripted(lambda *_: Say(problem, 500)) as server:
        result = impasto("jobs", "list", url=server.url)
    assert "req_9" in result.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ("stylise", "x.png", "--style", "ember", "--strength", "3"),
        ("stylise", "x.png"),
        ("train", "icons", "--epochs", "0"),
        ("jobs", "list", "--state", "asleep"),
        ("dataset", "prepare", "Not A Name"),
        ("upload", "/no/such/folder"),
    ],
)
def test_a_command_used_wrongly_ends_with_2_and_asks_nobody(arguments: tuple[str, ...]) -> None:
    with scripted(lambda *_: Say({}, 500)) as server:
        result = impasto(*arguments, url=server.url)
    assert result.exit_code == 2
    assert "Error:" in result.stderr
    assert server.asked == []


def _process(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)


def test_even_a_fault_of_ours_is_a_line_and_not_a_traceback() -> None:
    code = """
import sys
from impasto.cli import entry
sys.argv = ["impasto", "jobs", "list"]
entry.root.get_command = lambda *_: 1 / 0
entry.run()
"""
    done = _process(code)
    assert done.returncode == 1
    assert done.stderr.startswith("error: ZeroDivisionError")
    assert "Traceback" not in done.stderr
    assert "Traceback" in _process("import os; os.environ['IMPASTO_DEBUG'] = '1'" + code).stderr


def test_a_reader_that_has_enough_ends_it_quietly() -> None:
    command = f"{sys.executable} -c 'from impasto.cli import main; main()' --help | head -c 1"
    done = subprocess.run(["bash", "-o", "pipefail", "-c", command], capture_output=True, text=True, check=False)
    assert done.stderr == ""
