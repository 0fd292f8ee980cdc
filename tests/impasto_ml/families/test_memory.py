"""How much memory there is, and that it is given back."""

from __future__ import annotations

import weakref
from pathlib import Path

import pytest

from impasto_ml.families import memory


class Ring:
    """Refers to itself: only the collector frees it."""

    def __init__(self) -> None:
        self.me = self


def test_a_limit_on_the_process_counts_for_less_than_the_machine_has(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory, "_CGROUP", tmp_path / "memory.max")
    machine = memory.total_bytes("cpu")
    assert machine > 1 << 28
    (tmp_path / "memory.max").write_text("max\n", "ascii")
    assert memory.total_bytes("cpu") == machine
    (tmp_path / "memory.max").write_text("1000000\n", "ascii")
    assert memory.total_bytes("cpu") == 1_000_000


def test_what_nobody_refers_to_is_given_back() -> None:
    ring = weakref.ref(Ring())
    assert ring() is not None
    memory.release("cpu")
    assert ring() is None
