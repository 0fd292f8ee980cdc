"""News of jobs is told beside the slots, together where it comes in bursts."""

from __future__ import annotations

import threading

import redis

from impasto.backends.bells import EVENTS_CHANNEL, Bells
from impasto.settings import Settings
from impasto.testing.processes import eventually
from impasto_worker.news import News


def test_a_burst_is_told_whole_and_each_job_once_at_a_time(settings: Settings) -> None:
    with redis.Redis.from_url(settings.redis_url) as client, client.pubsub() as channel:
        channel.subscribe(EVENTS_CHANNEL)
        news = News(Bells(settings.redis_url))
        for number in range(2_000):
            news.of(f"job_{number % 1_000}")
        news.stop()
        heard: set[str] = set()

        def whole() -> bool:
            message = channel.get_message(ignore_subscribe_messages=True, timeout=1)
            if message:
                heard.add(message["data"].decode())
            return len(heard) == 1_000

        eventually(whole, "all thousand jobs were told")


def test_nobody_waits_for_a_redis_that_does_not_answer() -> None:
    held = threading.Event()

    class Stuck:
        def tell(self, job_ids: list[str]) -> None:
            held.wait(10)

    news = News(Stuck())
    for number in range(20_000):
        news.of(f"job_{number}")
    assert news._waiting.qsize() <= 10_000
    held.set()
