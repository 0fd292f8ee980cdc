"""Kinds and handlers agree: each kind has exactly one handler, in the queue that the kind names."""

from __future__ import annotations

from collections import Counter
from importlib.metadata import entry_points

import pytest

from impasto.kinds import all_kinds
from impasto_worker.handling import Handler, load_handlers


def _registered() -> list[tuple[str, Handler]]:
    return [(point.name, handler) for point in entry_points(group="impasto.handlers") for handler in point.load()]


def test_every_kind_has_exactly_one_handler_and_every_handler_its_kind() -> None:
    counted = Counter(handler.kind.name for _, handler in _registered())
    assert counted == dict.fromkeys(all_kinds(), 1)


def test_every_handler_is_registered_for_the_queue_of_its_kind() -> None:
    assert [(h.kind.name, queue) for queue, h in _registered() if h.kind.queue != queue] == []


def test_a_handler_holds_the_very_kind_that_the_gateway_accepts() -> None:
    kinds = all_kinds()
    assert [handler.kind.name for _, handler in _registered() if handler.kind is not kinds[handler.kind.name]] == []


@pytest.mark.parametrize("queue", sorted({kind.queue for kind in all_kinds().values()}))
def test_a_worker_of_a_queue_alone_can_run_every_job_in_it(queue: str) -> None:
    wanted = {name for name, kind in all_kinds().items() if kind.queue == queue}
    assert set(load_handlers([queue])) == wanted


def test_a_queue_that_nobody_serves_is_named_at_the_start() -> None:
    with pytest.raises(ValueError, match=r"no handlers for the queues nobody"):
        load_handlers(["generate", "nobody"])
