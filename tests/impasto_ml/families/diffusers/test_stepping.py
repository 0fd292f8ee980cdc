"""A function in a thread of its own advances from pause to pause, and ends when it is told to."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from impasto_ml.families.diffusers.stepping import Stepwise


def _alive() -> bool:
    return any(thread.name == "drawing" for thread in threading.enumerate())


def test_it_runs_from_pause_to_pause_and_never_beside_its_caller() -> None:
    seen: list[str] = []

    def body(pause: Callable[[], None]) -> str:
        for name in ("a", "b"):
            seen.append(name)
            pause()
        return "done"

    running = Stepwise(body)
    assert seen == []
    running.advance()
    assert seen == ["a"]
    running.advance()
    assert (seen, running.ended) == (["a", "b"], False)
    running.advance()
    assert (running.result, running.ended, _alive()) == ("done", True, False)


def test_what_it_raises_is_raised_where_it_is_advanced() -> None:
    def body(pause: Callable[[], None]) -> None:
        pause()
        raise LookupError("in the thread")

    running = Stepwise(body)
    running.advance()
    with pytest.raises(LookupError, match="in the thread"):
        running.advance()
    assert (running.ended, _alive()) == (True, False)


def test_abandoned_it_ends_at_its_pause_though_libraries_swallow_exceptions() -> None:
    cleaned: list[str] = []

    def body(pause: Callable[[], None]) -> None:
        try:
            for _ in range(9):
                try:
                    pause()
                except Exception:  # noqa: BLE001 - what a library might do
                    cleaned.append("swallowed")
        finally:
            cleaned.append("left")

    running = Stepwise(body)
    running.advance()
    running.abandon()
    running.abandon()
    assert (cleaned, running.ended, _alive()) == (["left"], True, False)


def test_abandoned_before_it_began_it_never_runs() -> None:
    running = Stepwise(lambda pause: pytest.fail("it ran"))
    running.abandon()
    assert (running.ended, _alive()) == (True, False)
