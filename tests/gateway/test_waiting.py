"""`Prefer: wait=N`: an answer that waits for the job's end, woken by its news, holding nothing meanwhile."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
import redis
from fastapi import Response

from impasto.backends.bells import EVENTS_CHANNEL
from impasto.testing.databases import DatabaseUrls
from impasto.testing.processes import eventually
from impasto.testing.stacks import Stack
from impasto_gateway.waiting import preferred_wait
from tests.asking import ask, submit


@pytest.fixture
def threads() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(40) as pool:
        yield pool


def wait_for(stack: Stack, job_id: str, seconds: int = 60) -> httpx.Response:
    headers = {"Authorization": f"Bearer {stack.key('first')}", "Prefer": f"wait={seconds}"}
    return httpx.get(f"{stack.url}/v1/jobs/{job_id}", headers=headers, timeout=90, trust_env=False)


@contextmanager
def waited(stack: Stack, database: DatabaseUrls, threads: ThreadPoolExecutor, job_id: str) -> Iterator[Any]:
    """A request that has looked at the job, which has not ended, and waits now."""
    api = "FROM pg_stat_activity WHERE datname = current_database() AND usename = 'impasto_api' AND"
    with psycopg.connect(database.admin, autocommit=True) as watching:
        with psycopg.connect(database.admin) as locking:
            locking.execute("LOCK TABLE jobs IN ACCESS EXCLUSIVE MODE")
            waiting = threads.submit(wait_for, stack, job_id)
            looks = f"SELECT count(*) {api} wait_event_type = 'Lock'"
            eventually(lambda: watching.execute(looks).fetchone() > (0,), "it looks")
        looked = f"SELECT count(*) {api} state <> 'idle'"
        eventually(lambda: watching.execute(looked).fetchone() == (0,), "it has looked")
        yield waiting


def end(stack: Stack, job_id: str) -> None:
    """Ends a job and tells nobody."""
    stack.sql("UPDATE jobs SET state = 'canceled', finished_at = now() WHERE id = %s", [job_id])


def tell(stack: Stack, job_id: str) -> None:
    with redis.Redis.from_url(stack.settings.redis_url) as client:
        client.publish(EVENTS_CHANNEL, job_id)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("wait=5", 5), ("respond-async, wait=10", 10), ("Wait = 60; foo=1", 60), ('wait="7"', 7), ("wait=3600", 60),
        (None, None), ("", None), ("wait", None), ("wait=0", None), ("wait=-1", None), ("wait=1.5", None),
        ("wait=soon", None), ("await=5", None), ("wait=5x", None), ("wait=" + "9" * 40, None),
    ],
)  # fmt: skip
def test_what_is_preferred_and_what_is_said_of_it(header: str | None, seconds: int | None) -> None:
    response = Response()
    assert preferred_wait(header, response) == seconds
    assert response.headers.get("preference-applied") == (f"wait={seconds}" if seconds else None)


def test_a_submission_that_waits_is_answered_with_the_result(platform: Stack) -> None:
    body = {"kind": "test.stamp", "params": {"text": "at once"}}
    answer = ask(platform, "POST", "/v1/jobs", json=body, headers={"Prefer": "wait=15"})
    assert (answer.status_code, answer.json()["state"]) == (200, "succeeded")
    assert answer.json()["result"]["artifact"]["size_bytes"] == 7
    assert answer.headers["preference-applied"] == "wait=15"
    assert answer.headers["location"] == f"/v1/jobs/{answer.json()['id']}"


def test_a_job_that_takes_longer_is_answered_as_it_is(platform: Stack, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    gate.touch()
    body = {"kind": "test.stamp", "params": {"text": "x", "gate": str(gate), "pause_at": "compute"}}
    began = time.monotonic()
    answer = ask(platform, "POST", "/v1/jobs", json=body, headers={"Prefer": "wait=2"})
    assert time.monotonic() - began >= 2
    assert (answer.status_code, answer.json()["finished_at"]) == (202, None)
    assert answer.headers["preference-applied"] == "wait=2"
    gate.unlink()
    job = wait_for(platform, answer.json()["id"]).json()
    assert job["state"] == "succeeded"


def test_a_wait_ends_with_the_news_and_looks_at_nothing_before(
    stack: Stack, database: DatabaseUrls, threads: ThreadPoolExecutor
) -> None:
    stack.start_gateway()
    job = submit(stack, "test.stamp", {"text": "x"})["id"]
    with waited(stack, database, threads, job) as waiting:
        end(stack, job)
        with pytest.raises(TimeoutError):
            waiting.result(timeout=3.5)  # who looked every two seconds would have seen it
        tell(stack, job)
        assert waiting.result(timeout=5).json()["state"] == "canceled"


def test_many_who_wait_hold_no_connection(stack: Stack, database: DatabaseUrls, threads: ThreadPoolExecutor) -> None:
    """More than the gateway has connections."""
    stack.start_gateway()
    job = submit(stack, "test.stamp", {"text": "x"})["id"]
    waiting = [threads.submit(wait_for, stack, job) for _ in range(39)]
    with waited(stack, database, threads, job) as last:
        # Would they hold one, nothing else would be answered: a request waits five seconds for a connection.
        assert ask(stack, "GET", f"/v1/jobs/{job}").status_code == 200
        assert not any(future.done() for future in [*waiting, last])
    assert ask(stack, "POST", f"/v1/jobs/{job}/cancel").status_code == 202
    assert {future.result(timeout=10).json()["state"] for future in [*waiting, last]} == {"canceled"}


def test_without_redis_a_wait_looks_by_itself(
    stack: Stack, database: DatabaseUrls, threads: ThreadPoolExecutor
) -> None:
    stack.environment["IMPASTO_REDIS_URL"] = "redis://127.0.0.1:1/0"
    stack.start_gateway()
    job = submit(stack, "test.stamp", {"text": "x"})["id"]
    with waited(stack, database, threads, job) as waiting:
        end(stack, job)
        assert waiting.result(timeout=10).json()["state"] == "canceled"


def test_nobody_waits_for_the_job_of_another(platform: Stack) -> None:
    job = submit(platform, "test.stamp", {"text": "x"}, tenant="second")["id"]
    assert wait_for(platform, job).status_code == 404
