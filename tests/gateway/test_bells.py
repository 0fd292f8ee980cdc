"""How many bells a burst of jobs rings: as many as somebody hears."""

from __future__ import annotations

import pytest

from impasto.backends.bells import Bells
from impasto.testing.processes import eventually
from impasto.testing.stacks import Stack
from tests.asking import ask

_WORKER = """
INSERT INTO workers (name, instance, host, pid, device, queues, slots, places, kinds, seen_at)
VALUES (%s, '1', 'h', 1, 'cpu', %s, %s, %s, '{test.stamp}', now() - make_interval(secs => %s))
"""


@pytest.mark.parametrize(
    ("workers", "rung"),
    [
        # Slots, places of the engine, seconds of silence.
        ([("test", 3, None, 0)], 3),
        ([("test", 3, 5, 0), ("test", 2, 2, 0)], 7),
        ([("test", 3, 3, 0), ("other", 9, 9, 0)], 3),
        ([("test", 3, 3, 0), ("test", 9, 9, 90)], 3),
        ([("test", 400, 400, 0)], 128),
        ([], 128),
    ],
)
def test_a_burst_rings_for_each_slot_that_there_is(
    stack: Stack, workers: list[tuple[str, int, int | None, int]], rung: int
) -> None:
    stack.start_gateway()
    for number, (queue, slots, places, silent_s) in enumerate(workers):
        stack.sql(_WORKER, [f"w{number}", [queue], slots, places, silent_s])
    bells = Bells(stack.settings.redis_url)
    jobs = {"jobs": [{"kind": "test.stamp", "params": {"text": "x"}}] * 200}
    assert ask(stack, "POST", "/v1/jobs/bulk", json=jobs).status_code == 202
    # Bells that were rung leave the outbox after the last of them.
    eventually(lambda: stack.sql("SELECT count(*) FROM outbox") == [(0,)], "they are rung")
    assert bells.waiting("test") == rung
