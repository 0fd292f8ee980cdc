"""Flower hears the bells and the workers through the application that the compose file gives it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from impasto.backends.bells import TASK, Bells, celery_app
from impasto.testing.processes import eventually
from impasto.testing.stacks import Stack
from tests.contracts.kept import ROOT
from tests.smoke.compose_file import services

_FLOWER: Final = services()["flower"]
# A worker tells its heartbeat every ten seconds.
_HEARTBEAT_S: Final = 40.0


@pytest.fixture
def mounted(tmp_path: Path) -> Path:
    """A folder that Flower's container would have as its root, as far as its volumes go."""
    root = tmp_path / "container"
    for path, inside, mode in (volume.split(":") for volume in _FLOWER["volumes"]):
        assert mode == "ro"
        place = root / inside.lstrip("/")
        place.parent.mkdir(parents=True, exist_ok=True)
        place.symlink_to((ROOT / path).resolve(strict=True))
    return root


@pytest.fixture
def heard(stack: Stack, mounted: Path, tmp_path: Path) -> Iterator[Path]:
    """What Celery's own receiver of events prints, with the application that Flower is started with."""
    celery, application, _ = _FLOWER["command"]
    environment = {
        **os.environ,
        "PYTHONPATH": str(mounted / _FLOWER["environment"]["PYTHONPATH"].lstrip("/")),
        "PYTHONUNBUFFERED": "1",
        "IMPASTO_REDIS_URL": stack.settings.redis_url,
    }
    log = tmp_path / "events.log"
    command = [sys.executable, "-m", celery, application, "events", "--dump"]
    with log.open("wb") as output, subprocess.Popen(command, env=environment, stdout=output, stderr=output) as process:
        try:
            yield log
        finally:
            process.kill()


def test_workers_and_bells_are_heard(stack: Stack, heard: Path) -> None:
    def said(pattern: str, most_s: float = 20.0) -> None:
        found = re.compile(pattern, re.MULTILINE)
        eventually(lambda: found.search(heard.read_text("utf-8")), f"{pattern} in {heard}", most_s)

    stack.start_worker("looked-at", ["test"])
    said(r"^looked-at@.* heartbeat", _HEARTBEAT_S)
    # Of bells they tell nothing until they are asked; Flower asks when it starts, and every few seconds.
    celery_app(stack.settings.redis_url).control.enable_events(reply=True, limit=1, timeout=20)
    Bells(stack.settings.redis_url).ring("test")
    for what in ("received", "started", "succeeded"):
        said(rf"task {what}:.*{re.escape(TASK)}")


def test_flower_can_be_looked_at_with_a_password_and_stops_nobody() -> None:
    assert _FLOWER["environment"]["FLOWER_READ_ONLY"] == "true"
    # Before 2.1 there is no such setting; with this version every call that would change something is 403.
    assert (ROOT / "deploy/docker/locks/flower.in").read_text("utf-8").splitlines()[-1] == "flower==2.2.0"
    assert re.fullmatch(r"operator:\$\{IMPASTO_FLOWER_PASSWORD:\?.*\}", _FLOWER["environment"]["FLOWER_BASIC_AUTH"])
