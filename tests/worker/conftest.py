"""An engine with a real child process."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from impasto_worker.engine import Engine
from impasto_worker.runners import RunnerSettings
from tests.worker.drawing import Studio


@pytest.fixture
def make_studio(tmp_path: Path) -> Iterator[Callable[..., Studio]]:
    """Makes an engine with these variables in its environment."""
    made: list[Studio] = []

    def make(**environment: str) -> Studio:
        folder = tmp_path / f"studio{len(made)}"
        folder.mkdir()
        made.append(Studio(Engine(RunnerSettings(1, {"IMPASTO_DEVICE": "cpu", **environment})), folder))
        return made[-1]

    yield make
    for studio in made:
        studio.close()


@pytest.fixture
def studio(make_studio: Callable[..., Studio]) -> Studio:
    return make_studio()
