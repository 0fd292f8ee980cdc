"""What becomes of what is logged: as JSON, in columns, and what is held back of it."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

from impasto.backends.telemetry.lines import write_lines
from impasto.settings import SettingInvalid, Settings

# In a process of its own: a process sets up its logging once.
_BEGIN = """
import logging, threading
from impasto.backends.telemetry.bound import bind, bound
from impasto.backends.telemetry.process import begin_telling
from impasto.settings import Settings
begin_telling(Settings.from_environment(), "test")
"""
_BEGIN_CHILD = """
import logging
from impasto.backends.telemetry.bound import bind, bound
from impasto_worker.child_lines import write_child_lines
write_child_lines()
"""


def _written(code: str, begin: str = _BEGIN, *, chosen: str = "json", level: str = "INFO", rc: int = 0) -> list[str]:
    environment = {"IMPASTO_LOG_FORMAT": chosen, "IMPASTO_LOG_LEVEL": level, "PYTHONPATH": ":".join(sys.path)}
    done = subprocess.run(
        [sys.executable, "-c", begin + code], capture_output=True, text=True, timeout=60, env=environment
    )
    assert done.returncode == rc, done.stderr
    return done.stderr.splitlines()


def _objects(code: str, begin: str = _BEGIN, **rest: Any) -> list[dict[str, Any]]:
    return [json.loads(line) for line in _written(code, begin, **rest)]


@pytest.mark.parametrize("begin", [_BEGIN, _BEGIN_CHILD], ids=["process", "runner"])
def test_a_line_is_an_object_with_what_is_bound(begin: str) -> None:
    code = """
with bound(job_id="job_1", attempt=2, trace_id=None):
    bind(request_id="req_1")
    logging.getLogger("impasto.slots").info("two\\nlines of %d", 3)
logging.getLogger("impasto.slots").warning("afterwards")
"""
    first, second = _objects(code, begin)
    assert first.pop("timestamp").endswith("Z")
    assert first.pop("pid") > 1
    assert first.pop("service") in {"test", "runner"}
    assert first == {
        "event": "two\nlines of 3",
        "level": "info",
        "logger": "impasto.slots",
        "job_id": "job_1",
        "attempt": 2,
        "request_id": "req_1",
    }
    assert not {"job_id", "attempt", "request_id"} & set(second)


@pytest.mark.parametrize("begin", [_BEGIN, _BEGIN_CHILD], ids=["process", "runner"])
def test_an_errors_words_are_held_back_and_its_place_is_told(begin: str) -> None:
    code = """
try:
    raise ValueError("a red heart")
except ValueError:
    logging.getLogger("impasto.slots").exception("it failed")
"""
    (line,) = _objects(code, begin)
    assert line["event"] == "it failed"
    assert line["exception"].startswith("builtins.ValueError (message withheld)")
    assert "red heart" not in str(line)


def test_what_has_the_form_of_a_secret_is_taken_out_of_what_libraries_say() -> None:
    secrets = [
        "redis://:pass-word@127.0.0.1:6379/0",
        "postgresql://impasto_api:pass-word@db/impasto",
        "/bucket/key?X-Amz-Credential=pass-word&X-Amz-Signature=pass-word HTTP/1.1",
        "whsec_pass-word and impasto_live_password",
        "Authorization: Bearer pass-word",
    ]
    lines = _objects(f"for said in {secrets!r}: logging.getLogger('somebody').warning('at %s', said)")
    assert len(lines) == len(secrets)
    assert not any("pass-word" in str(line) or "impasto_live_password" in str(line) for line in lines)
    assert "127.0.0.1:6379" in lines[0]["event"]


def test_a_runner_holds_back_all_that_libraries_say() -> None:
    (line,) = _objects("logging.getLogger('somebody.pipelines').warning('cut off: %s', 'a red heart')", _BEGIN_CHILD)
    assert line["logger"] == "somebody.pipelines"
    assert line["event"].endswith("(words withheld)")


def test_debug_is_of_impasto_alone() -> None:
    code = """
for name in ("impasto.jobs", "impasto_worker.x", "somebody", "celery.worker"):
    logging.getLogger(name).debug("a")
    logging.getLogger(name).info("b")
"""
    lines = [(line["logger"], line["event"]) for line in _objects(code, level="DEBUG")]
    assert lines == [
        ("impasto.jobs", "a"),
        ("impasto.jobs", "b"),
        ("impasto_worker.x", "a"),
        ("impasto_worker.x", "b"),
        ("somebody", "b"),
    ]


def test_a_thread_that_ends_by_an_error_and_the_process_say_so_in_lines_too() -> None:
    code = """
def fail(): raise ValueError("a red heart")
thread = threading.Thread(target=fail, name="feeder")
thread.start(); thread.join()
raise SystemError("what a setting was wrong about")
"""
    thread, process = _objects(code, rc=1)
    assert thread["event"].startswith("feeder ended")
    assert "red heart" not in str(thread)
    assert "what a setting was wrong about" in process["event"]
    assert {thread["level"], process["level"]} == {"critical"}


@pytest.mark.parametrize("begin", [_BEGIN, _BEGIN_CHILD], ids=["process", "runner"])
def test_people_get_columns(begin: str) -> None:
    (line,) = _written(
        "bind(job_id='job_1'); logging.getLogger('impasto.slots').info('done in %d s', 3)", begin, chosen="console"
    )
    assert "done in 3 s" in line
    assert "job_id=job_1" in line
    assert "[info]" in line
    assert line[:2] == "20"


@pytest.mark.parametrize(("name", "value"), [("log_format", "xml"), ("log_level", "LOUD")])
def test_a_format_or_level_that_is_none_is_refused_with_those_that_there_are(name: str, value: str) -> None:
    settings = Settings.from_environment({f"IMPASTO_{name.upper()}": value})
    with pytest.raises(SettingInvalid, match=r"may be (DEBUG|console)") as told:
        write_lines(settings, "test")
    assert f"IMPASTO_{name.upper()} is '{value}'" in told.value.message


@pytest.mark.parametrize("logger", ["celery.app.trace", "asyncio", "concurrent.futures"])
def test_a_library_that_quotes_errors_is_told_by_its_place_alone(logger: str) -> None:
    (line,) = _objects(f"logging.getLogger({logger!r}).error('raised %s', ValueError('a red heart'))")
    assert "red heart" not in str(line)
    assert "(words withheld)" in line["event"]
    assert (line["logger"], line["level"]) == (logger, "error")


def test_a_warning_is_told_by_its_place_alone() -> None:
    (line,) = _objects("import warnings\nwarnings.warn('input_value=a red heart')")
    assert "red heart" not in str(line)
    assert line["logger"] == "py.warnings"


@pytest.mark.parametrize("chosen", ["json", "console"])
def test_what_a_database_says_at_the_end_of_a_process_is_withheld(chosen: str) -> None:
    code = "import psycopg\nraise psycopg.errors.CheckViolation('Failing row contains (a red heart)')"
    said = "\n".join(_written(code, chosen=chosen, rc=1))
    assert "CheckViolation" in said
    assert "red heart" not in said
