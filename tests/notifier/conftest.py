"""A platform whose webhooks may go to this machine, and receivers on it."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from impasto.testing.databases import DatabaseUrls, cloned_database
from impasto.testing.servers import Servers
from impasto.testing.stacks import Stack
from tests.conftest import _settings
from tests.notifier.hooks import Hooks
from tests.notifier.ledger import Rows
from tests.notifier.receiver import Answer, Receiver

_TENANTS = itertools.count()


@pytest.fixture
def receiving() -> Iterator[Callable[..., Receiver]]:
    """Makes receivers, which end with the test."""
    made: list[Receiver] = []

    def make(otherwise: Answer | None = None) -> Receiver:
        made.append(Receiver(otherwise))
        return made[-1]

    yield make
    for receiver in made:
        receiver.close()


@pytest.fixture
def rows(database: DatabaseUrls) -> Rows:
    """The tables, and no process."""
    return Rows(database.engine)


@pytest.fixture
def own_hooks(stack: Stack) -> Hooks:
    """Gateway and notifier of this test alone, which it may kill; no worker."""
    return _started(stack, "first")


@pytest.fixture(scope="session")
def shared_hooks(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hooks]:
    """Gateway and notifier of all tests that only use them."""
    folder = tmp_path_factory.mktemp("webhooks")
    with cloned_database(servers.admin_url) as urls:
        stack = Stack(_settings(servers, urls, folder), folder)
        try:
            yield _started(stack, "first")
        finally:
            stack.stop()


@pytest.fixture
def hooks(shared_hooks: Hooks) -> Hooks:
    """The same processes for every test, but a tenant of its own."""
    return replace(shared_hooks, tenant=f"tenant-{next(_TENANTS)}")


def _started(stack: Stack, tenant: str) -> Hooks:
    stack.environment["IMPASTO_WEBHOOK_ALLOW_PRIVATE"] = "1"
    stack.start_gateway()
    return Hooks(stack, stack.start_notifier(), tenant)
