"""Fixtures: real servers for the whole session, a database for each test, a whole platform for the journeys."""

from __future__ import annotations

import itertools
import os
import socket
import sys
from collections.abc import Generator, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest
import redis

from impasto.backends.objects import S3Objects
from impasto.embedded.ports import PREFERRED
from impasto.settings import Settings
from impasto.testing.databases import DatabaseUrls, cloned_database, make_template
from impasto.testing.forkserver import ForkServers
from impasto.testing.processes import Process
from impasto.testing.servers import Servers
from impasto.testing.stacks import Stack, stack_settings
from tests.longest import place_of
from tests.turns import close_turns, one_at_a_time, open_turns, shared, turn

_SYSTEM = bool(os.environ.get("IMPASTO_TEST_SYSTEM"))
_PLUGIN = str(Path(__file__).parent / "plugin")
_REDIS_NUMBERS = itertools.count()
# The whole platform lives on beside all tests, and its workers would hear theirs.
_PLATFORMS_REDIS = 15

# Pretrained weights are fetched once and kept between runs.
os.environ.setdefault("IMPASTO_TEST_MODELS", str(Path(__file__).parents[1] / ".impasto" / "models"))

# The plug-in's kinds are known to this process and to every process that a test starts.
sys.path.insert(0, _PLUGIN)
os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [_PLUGIN, os.environ.get("PYTHONPATH")]))


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--slow", action="store_true", help="also those that wait for minutes")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "slow: waits for minutes; runs with --slow alone")
    config.addinivalue_line("markers", "alone: measures time; no other test runs meanwhile")
    open_turns(config)
    Process.forks = ForkServers()


def pytest_unconfigure(config: pytest.Config) -> None:
    if Process.forks:
        Process.forks.stop()
    close_turns(config)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Outside of the test's time limit: to wait for one's turn is not to hang."""
    with turn(alone=item.get_closest_marker("alone") is not None):
        return (yield)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Not skipped, but not there: what waits for minutes belongs to `make faults`.

    On the distribution's servers only what uses them is run again: nothing else could come out otherwise.
    """
    if not config.getoption("--slow"):
        _leave_out(config, items, {item for item in items if item.get_closest_marker("slow")})
    if _SYSTEM:
        _leave_out(config, items, {item for item in items if "servers" not in getattr(item, "fixturenames", ())})
    if shared():
        # The last of the processes ends with a short file, not with a long one.
        items.sort(key=place_of)


def _leave_out(config: pytest.Config, items: list[pytest.Item], those: set[pytest.Item]) -> None:
    config.hook.pytest_deselected(items=[item for item in items if item in those])
    items[:] = [item for item in items if item not in those]


@pytest.fixture(scope="session")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    """PostgreSQL, a Redis-protocol server and an S3 server on free ports, in a folder of their own.

    The pinned wheels' servers; with IMPASTO_TEST_SYSTEM those of the machine's distribution come first.
    """
    with Servers(system=_SYSTEM) as running:
        make_template(running.admin_url)
        yield running


@pytest.fixture(scope="session")
def models_folder() -> Path:
    """Pretrained weights."""
    from impasto_ml.pretrained import fetch

    folder = Path(os.environ["IMPASTO_TEST_MODELS"])
    with one_at_a_time("models"):
        fetch(folder)
    return folder


@pytest.fixture(scope="session")
def ports_of_people() -> Iterator[None]:
    """Takes the ports that `impasto up` likes best: two that begin at the same moment would both find them free."""
    with ExitStack() as taken:
        for port in PREFERRED.values():
            holder = taken.enter_context(socket.socket())
            with suppress(OSError):  # somebody has it already, which does as well
                holder.bind(("127.0.0.1", port))
                holder.listen()
        yield


@pytest.fixture
def database(servers: Servers) -> Iterator[DatabaseUrls]:
    """A fresh, migrated database."""
    with cloned_database(servers.admin_url) as urls:
        yield urls


def _settings(
    servers: Servers, urls: DatabaseUrls, folder: Path, redis_number: int | None = None, **changes: str
) -> Settings:
    # A number of its own: no test hears another's bells, nor those that the last test with this number left.
    number = next(_REDIS_NUMBERS) % (_PLATFORMS_REDIS - 1) + 1 if redis_number is None else redis_number
    with redis.Redis.from_url(f"{servers.redis_url.rstrip('/')}/{number}") as emptied:
        emptied.flushdb()
    base = Settings.from_environment(
        {
            "IMPASTO_DATABASE_URL": urls.api,
            "IMPASTO_ENGINE_DATABASE_URL": urls.engine,
            "IMPASTO_REDIS_URL": f"{servers.redis_url.rstrip('/')}/{number}",
            "IMPASTO_S3_ENDPOINT": servers.s3_endpoint,
            "IMPASTO_S3_ACCESS_KEY": servers.s3_access_key,
            "IMPASTO_S3_SECRET_KEY": servers.s3_secret_key,
            "IMPASTO_WEBHOOK_SECRET_KEY": "only-for-tests-" * 3,
        }
    )
    settings = stack_settings(base, folder, **changes)
    S3Objects(settings).ensure_bucket()
    return settings


@pytest.fixture
def settings(servers: Servers, database: DatabaseUrls, tmp_path: Path) -> Settings:
    """Settings of a platform of this test alone, with short leases and sweeps."""
    return _settings(servers, database, tmp_path, lease_s="3", sweep_s="0.3", grace_s="0")


@pytest.fixture
def stack(settings: Settings, tmp_path: Path) -> Iterator[Stack]:
    """Nothing is started yet: the test starts what it needs."""
    made = Stack(settings, tmp_path)
    try:
        yield made
    finally:
        made.stop()


@pytest.fixture(scope="session")
def platform(servers: Servers, models_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The whole platform, started once: gateway, ingestion, reconciler and workers for every queue."""
    folder = tmp_path_factory.mktemp("platform")
    with cloned_database(servers.admin_url) as urls:
        whole = Stack(_settings(servers, urls, folder, _PLATFORMS_REDIS, models=str(models_folder)), folder)
        try:
            whole.start_gateway()
            whole.start_ingestion()
            whole.start_reconciler()
            whole.start_worker("preprocess", ["preprocess", "test"])
            whole.start_worker("device", ["train", "evaluate", "generate", "analyse"])
            yield whole
        finally:
            whole.stop()
