"""What a worker says is said beside its slots, together where it comes in bursts."""

from __future__ import annotations

import threading
import time

import pytest
import redis

from impasto.backends.bells import EVENTS_CHANNEL, Bells
from impasto.jobs import ClaimedJob
from impasto.settings import Settings
from impasto.testing.processes import eventually
from impasto_worker.ringing import Ringing


def _job(number: int) -> ClaimedJob:
    return ClaimedJob(f"job_{number}", f"tnt_{number % 3}", "test.stamp", "pool", {}, 1, 1, 60.0, None)


def test_a_burst_is_told_whole(settings: Settings) -> None:
    with redis.Redis.from_url(settings.redis_url) as client, client.pubsub() as channel:
        channel.subscribe(EVENTS_CHANNEL)
        ringing = Ringing(Bells(settings.redis_url))
        for number in range(2_000):
            ringing.tell(_job(number % 1_000))
        heard: set[str] = set()

        def whole() -> bool:
            message = channel.get_message(ignore_subscribe_messages=True, timeout=1)
            if message:
                heard.update(message["data"].decode().split())
            return len(heard) == 1_000

        eventually(whole, "all thousand jobs were told")


def test_a_bell_is_rung_soon(settings: Settings) -> None:
    bells = Bells(settings.redis_url)
    ringing = Ringing(bells)

    def rung() -> bool:
        # Again, since what a busy machine's Redis does not take within two seconds is dropped.
        ringing.ring("test")
        time.sleep(0.2)
        return bells.waiting("test") > 0

    eventually(rung, "a bell lies in the queue")


def test_nobody_waits_for_a_redis_that_does_not_answer_and_memory_stays_bounded(
    caplog: pytest.LogCaptureFixture,
) -> None:
    held = threading.Event()

    class Stuck:
        def ring(self, queue: str) -> None:
            held.wait(10)

        def tell(self, job_ids: list[str], tenant_id: str | None) -> None:
            held.wait(10)

    ringing, began = Ringing(Stuck()), time.monotonic()
    for number in range(20_000):
        ringing.tell(_job(number))
    assert time.monotonic() - began < 10
    assert ringing._waiting.qsize() <= 10_000
    # One line for all of them, not ten thousand.
    assert 1 <= len(caplog.records) <= 3
    held.set()
