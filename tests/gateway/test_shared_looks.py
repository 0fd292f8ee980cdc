"""Those who follow one job share one look at it."""

from __future__ import annotations

from contextlib import ExitStack

import psycopg

from impasto.testing.databases import DatabaseUrls
from impasto.testing.processes import eventually
from impasto.testing.stacks import Stack
from tests.asking import ask, submit
from tests.gateway.following import following


def test_thirty_who_follow_a_job_ask_the_database_once_and_all_see_its_end(
    stack: Stack, database: DatabaseUrls
) -> None:
    stack.start_gateway()
    job_id = submit(stack, "test.stamp", {"text": "x"})["id"]
    with ExitStack() as opened:
        readers = [opened.enter_context(following(stack, f"/v1/jobs/{job_id}/events")) for _ in range(30)]
        with psycopg.connect(database.admin, autocommit=True) as watching:
            waiting = """SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()
                         AND usename = 'impasto_api' AND wait_event_type = 'Lock'"""
            with psycopg.connect(database.admin) as locking:
                locking.execute("LOCK TABLE jobs IN ACCESS EXCLUSIVE MODE")
                eventually(lambda: watching.execute(waiting).fetchone() == (1,), "somebody looks")
                # Longer than the two seconds in which everybody would have looked.
                for _ in range(25):
                    watching.execute("SELECT pg_sleep(0.1)")
                    assert watching.execute(waiting).fetchone() == (1,)
        assert ask(stack, "POST", f"/v1/jobs/{job_id}/cancel").status_code == 202
        for reader in readers:
            eventually(lambda reader=reader: len(reader.events) == 2, "the end is told")
            assert [event["type"] for event in reader.events] == ["job.queued", "job.canceled"]
