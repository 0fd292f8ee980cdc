"""A short run of the fuzz; `make fuzz` is the long one."""

from __future__ import annotations

import pytest

from impasto.testing.stacks import Stack
from tests.fuzz.running import SHUT_OUT, Count, Round, run_round
from tests.fuzz.scene import start

_CASES = 300


@pytest.fixture
def fuzzed(stack: Stack) -> Stack:
    start(stack)
    return stack


def test_three_hundred_requests_are_answered_as_the_document_says(fuzzed: Stack) -> None:
    count = Count()
    for number, tenant in enumerate(("first", "second")):
        most = _CASES * (number + 1) // 2
        about = Round(seed=7 + number, key=fuzzed.key(tenant), most_a_route=3)
        run_round(fuzzed.url, about, count, lambda most=most: count.total >= most)  # type: ignore[misc]
    about = Round(seed=7, key=fuzzed.key("first"), most_a_route=3, phases=("fuzzing",), only=SHUT_OUT)
    run_round(fuzzed.url, about, count, lambda: False)
    assert not count.faults
    assert not count.failures, "\n".join(
        f"{f.route} {f.check} {f.status}: {f.message}\n  {f.again}" for f in count.failures
    )
    assert count.total >= _CASES
    assert len(count.cases) > 30
    assert all(process.alive for process in fuzzed.processes)
