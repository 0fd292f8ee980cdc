"""News of a job is told once what happened is committed: whoever is woken by it must see it."""

from __future__ import annotations

import threading

import psycopg
import redis
from redis.client import PubSub

from impasto.backends.bells import EVENTS_CHANNEL
from impasto.testing.databases import DatabaseUrls
from impasto.testing.processes import eventually
from impasto.testing.stacks import Stack
from tests.asking import ask, submit

# The commit of every change of a job takes half a second.
_SLOW_COMMIT = """
CREATE FUNCTION dawdle() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(0.5); RETURN NULL; END';
CREATE CONSTRAINT TRIGGER dawdle AFTER UPDATE ON jobs DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION dawdle();
"""


def test_that_a_job_is_canceled_is_told_after_it_is_committed(stack: Stack, database: DatabaseUrls) -> None:
    stack.start_gateway()
    job_id = submit(stack, "test.stamp", {"text": "never"})["id"]
    with psycopg.connect(database.admin, autocommit=True) as connection:
        connection.execute(_SLOW_COMMIT)
    with redis.from_url(stack.settings.redis_url) as client, client.pubsub() as channel:
        channel.subscribe(EVENTS_CHANNEL)
        assert channel.get_message(timeout=5)
        asking = threading.Thread(target=ask, args=(stack, "POST", f"/v1/jobs/{job_id}/cancel"))
        asking.start()
        # A server's channels are all its databases': other platforms' jobs are news as well.
        told = eventually(lambda: _news(channel) == job_id, "the job's news is told")
        seen = stack.sql("SELECT state FROM jobs WHERE id = %s", [job_id])
        asking.join()
    assert told
    assert seen == [("canceled",)]


def _news(channel: PubSub) -> str | None:
    message = channel.get_message(ignore_subscribe_messages=True, timeout=1)
    return message["data"].decode() if message else None
