"""Sessions that are over leave no key on the disk, and visitors who leave nothing are not remembered."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from nicegui import app as pages_app

from impasto.testing.processes import eventually
from impasto_studio.sessions import SESSION_S, forget_old, forget_strangers, open_sessions
from tests.studio.processes import studio_without_gateway


@pytest.fixture
def users() -> Iterator[dict[str, object]]:
    """What the pages' library remembers of visitors, empty before and after."""
    kept = pages_app.storage._users
    kept.clear()
    yield kept  # type: ignore[misc]
    kept.clear()


def _session(folder: Path, name: str, age_s: float) -> Path:
    path = folder / f"storage-user-{name}.json"
    path.write_text(json.dumps({"api_key": "impasto_live_something"}))
    os.utime(path, times=(time.time() - age_s,) * 2)
    return path


def test_a_session_goes_when_its_cookie_has_ended_and_no_earlier(tmp_path: Path, users: dict[str, object]) -> None:
    over, alive = _session(tmp_path, "over", 101), _session(tmp_path, "alive", 99)
    in_use, other = _session(tmp_path, "open", 101), tmp_path / "storage-general.json"
    half = _session(tmp_path, "half", 101).rename(tmp_path / "storage-user-half.json.tmp")
    other.write_text("{}")
    os.utime(other, times=(0, 0))
    users |= {"over": {"api_key": "x"}, "alive": {"api_key": "x"}, "open": {"api_key": "x"}}
    forget_old(tmp_path, 100, {"open"})
    assert [path.exists() for path in (over, alive, in_use, other, half)] == [False, True, True, True, False]
    assert set(users) == {"alive", "open"}


def test_visitors_who_left_nothing_are_not_remembered(users: dict[str, object]) -> None:
    users |= {f"visitor-{number}": {} for number in range(100)} | {"at the door": {}, "signed in": {"api_key": "x"}}
    forget_strangers({"at the door"})
    assert set(users) == {"at the door", "signed in"}


def test_a_request_that_is_being_answered_keeps_its_session() -> None:
    active = pages_app.storage._active_request_sessions
    active["asking"] += 1
    try:
        assert "asking" in open_sessions()
    finally:
        del active["asking"]


def test_a_studio_that_starts_removes_what_is_too_old(tmp_path: Path) -> None:
    folder = tmp_path / "data" / "studio" / "sessions"
    folder.mkdir(parents=True)
    over, alive = _session(folder, "over", SESSION_S + 60), _session(folder, "alive", SESSION_S - 3600)
    with studio_without_gateway(tmp_path):
        eventually(lambda: not over.exists(), "the session that is over is gone")
        assert alive.exists()
