"""Processes that share the tests among them: who measures time has the machine alone, and the longest files come first.

pytest-xdist hands out whole files in the order of collection.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest

# The folder of this run's locks, for all of its processes; not there when one process runs them all.
VARIABLE: Final = "IMPASTO_TEST_TURNS"


def open_turns(config: pytest.Config) -> None:
    """In the process that starts the others, before it does."""
    if hasattr(config, "workerinput"):
        return
    # A run that a test starts is part of that test, and has no turns of its own.
    os.environ.pop(VARIABLE, None)
    if config.getoption("numprocesses", None):
        os.environ[VARIABLE] = tempfile.mkdtemp(prefix="impasto-turns-")
        # Threads of several processes that compute on the same cores hinder one another.
        os.environ.setdefault("OMP_NUM_THREADS", "1")


def close_turns(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput") and (folder := os.environ.pop(VARIABLE, None)):
        shutil.rmtree(folder, ignore_errors=True)


def shared() -> bool:
    """Whether several processes share the tests of this run."""
    return VARIABLE in os.environ


@contextmanager
def turn(*, alone: bool) -> Iterator[None]:
    """Holds off who wants to be alone; or, if that is asked for, waits until no test runs and lets none begin."""
    if not (folder := os.environ.get(VARIABLE)):
        yield
        return
    with Path(folder, "door").open("a") as door, Path(folder, "room").open("a") as room:
        # Whoever waits for an empty room keeps the door shut, so that it does become empty.
        fcntl.flock(door, fcntl.LOCK_EX)
        fcntl.flock(room, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
        fcntl.flock(door, fcntl.LOCK_UN)
        yield


@contextmanager
def one_at_a_time(what: str) -> Iterator[None]:
    """For what the processes of a run share: the second waits, and finds it done."""
    if not (folder := os.environ.get(VARIABLE)):
        yield
        return
    with Path(folder, what).open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
