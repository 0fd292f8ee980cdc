"""An engine with a real child process; a platform of a module's own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from impasto.testing.databases import cloned_database
from impasto.testing.servers import Servers
from impasto.testing.stacks import Stack
from impasto_worker.engine import Engine
from impasto_worker.runners import RunnerSettings
from tests.conftest import _settings
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


@pytest.fixture(scope="module")
def own_stack(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack that all tests of a module share, with short leases; nothing is started yet."""
    folder = tmp_path_factory.mktemp("stack")
    with cloned_database(servers.admin_url) as urls:
        made = Stack(_settings(servers, urls, folder, lease_s="3", sweep_s="0.3", grace_s="0"), folder)
        try:
            yield made
        finally:
            made.stop()
