"""The reconciler's sweeps on a real database and a real Redis."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest
import redis
from prometheus_client import REGISTRY

from impasto.artifacts import run_key
from impasto.backends.bells import KEY_PREFIX, Bells
from impasto.backends.objects import S3Objects
from impasto.backends.postgres.pools import engine_pool
from impasto.identifiers import new_id
from impasto.settings import Settings
from impasto.testing.servers import Servers
from impasto_reconciler import sweeps
from impasto_reconciler.sweeps import Sweeper
from tests.faults.conftest import through
from tests.faults.proxy import Proxy


def add_job(settings: Settings, *, state: str = "queued", age_s: float = 0, bell: bool = False) -> str:
    """A job of that age; a running one with a lease that ended as long ago."""
    job_id = new_id("job")
    with psycopg.connect(settings.engine_database_url) as connection:
        connection.execute("INSERT INTO tenants (id, name) VALUES ('tnt_t', 't') ON CONFLICT DO NOTHING")
        connection.execute(
            """INSERT INTO jobs (id, tenant_id, kind, queue, shape, params, state, run_limit_s, epoch, lease_until,
                                 finished_at, run_after)
               VALUES (%(id)s, 'tnt_t', 'test.stamp', 'test', 'pool', '{}', %(state)s, 60, 1,
                       CASE WHEN %(state)s = 'running' THEN now() - make_interval(secs => %(age)s) END,
                       CASE WHEN %(state)s IN ('failed', 'canceled') THEN now() END,
                       now() - make_interval(secs => %(age)s))""",
            {"id": job_id, "state": state, "age": age_s},
        )
        if bell:
            connection.execute(
                """INSERT INTO outbox (tenant_id, job_id, queue, created_at)
                   VALUES ('tnt_t', %s, 'test', now() - make_interval(secs => %s))""",
                [job_id, age_s],
            )
    return job_id


def state_of(settings: Settings, job_id: str) -> str:
    with psycopg.connect(settings.engine_database_url) as connection:
        row = connection.execute("SELECT state FROM jobs WHERE id = %s", [job_id]).fetchone()
    assert row is not None
    return str(row[0])


def bells_of(settings: Settings) -> int:
    return int(redis.Redis.from_url(settings.redis_url).llen(KEY_PREFIX + "test"))


def sweep(settings: Settings, *, grace_s: float = 0, times: int = 1) -> None:
    with engine_pool(settings.engine_database_url) as pool:
        sweeper = Sweeper(pool, Bells(settings.redis_url), S3Objects(settings), grace_s=grace_s)
        for _ in range(times):
            sweeper.sweep()


@pytest.fixture(autouse=True)
def _empty_redis(settings: Settings) -> None:
    redis.Redis.from_url(settings.redis_url).flushdb()


def test_an_expired_lease_is_taken_and_its_bell_is_rung_by_the_next_sweeps(settings: Settings) -> None:
    def lost() -> float:
        labels = {"kind": "test.stamp", "noticed": "lease_expired"}
        return REGISTRY.get_sample_value("impasto_attempts_lost_total", labels) or 0.0

    before = lost()
    job_id = add_job(settings, state="running", age_s=60)
    sweep(settings, times=2)
    assert state_of(settings, job_id) == "queued"
    assert lost() - before == 1


def test_no_lease_expires_in_the_grace_after_the_database_came_back(settings: Settings) -> None:
    job_id = add_job(settings, state="running", age_s=60)
    sweep(settings, grace_s=15, times=3)
    assert state_of(settings, job_id) == "running"


def test_bells_that_nobody_rang_are_rung_and_gone(settings: Settings) -> None:
    for _ in range(3):
        add_job(settings, age_s=2, bell=True)
    sweep(settings)
    assert bells_of(settings) == 3
    with psycopg.connect(settings.engine_database_url) as connection:
        assert connection.execute("SELECT count(*) FROM outbox").fetchone() == (0,)


def test_bells_stay_while_redis_is_away(settings: Settings) -> None:
    add_job(settings, age_s=2, bell=True)
    with engine_pool(settings.engine_database_url) as pool:
        Sweeper(pool, Bells("redis://127.0.0.1:1/0"), S3Objects(settings), grace_s=0).sweep()
        with pool.connection() as connection:
            assert connection.execute("SELECT count(*) FROM outbox").fetchone() == (1,)


def test_a_busy_queue_is_not_heaped_with_bells(settings: Settings) -> None:
    add_job(settings, age_s=60)
    sweep(settings, times=4)
    assert bells_of(settings) == 1


def test_a_worker_that_has_been_silent_for_a_day_is_forgotten(settings: Settings) -> None:
    with psycopg.connect(settings.engine_database_url) as connection:
        connection.execute(
            """INSERT INTO workers (name, instance, host, pid, device, queues, slots, seen_at)
               VALUES ('gone', '1', 'h', 1, 'cpu', '{test}', 1, now() - interval '25 hours'),
                      ('away', '1', 'h', 1, 'cpu', '{test}', 1, now() - interval '23 hours')"""
        )
    sweep(settings)
    with psycopg.connect(settings.engine_database_url) as connection:
        assert connection.execute("SELECT name FROM workers").fetchall() == [("away",)]


def test_a_job_that_a_sweep_ends_as_failed_is_counted_with_its_code(settings: Settings) -> None:
    def failed() -> float:
        return REGISTRY.get_sample_value("impasto_jobs_failed_total", {"kind": "test.stamp", "code": code}) or 0.0

    code = "worker_lost"
    before, job_id = failed(), add_job(settings, state="running", age_s=60)
    with psycopg.connect(settings.engine_database_url) as connection:
        connection.execute("UPDATE jobs SET worker_losses = 4 WHERE id = %s", [job_id])
    sweep(settings)
    assert (state_of(settings, job_id), failed()) == ("failed", before + 1)
    code = "deadline_missed"
    before, job_id = failed(), add_job(settings)
    with psycopg.connect(settings.engine_database_url) as connection:
        connection.execute("UPDATE jobs SET finish_by = now() - interval '1 second' WHERE id = %s", [job_id])
    sweep(settings)
    assert (state_of(settings, job_id), failed()) == ("failed", before + 1)


def keep_state(settings: Settings, job_id: str, path: Path) -> str:
    """A state of this job in the store, and in its row; gives its key."""
    path.write_bytes(b"state")
    objects, key = S3Objects(settings), run_key("tnt_t", job_id, 10, "1.safetensors")
    objects.ensure_bucket()
    objects.put_run(key, path)
    with psycopg.connect(settings.engine_database_url) as connection:
        connection.execute("UPDATE jobs SET last_checkpoint = '{}' WHERE id = %s", [job_id])
    return key


def has(settings: Settings, key: str) -> bool:
    store = S3Objects(settings)
    return any(found.object_name == key for found in store._client.list_objects(store._bucket, key))


def has_state(settings: Settings, job_id: str) -> bool:
    with psycopg.connect(settings.engine_database_url) as connection:
        row = connection.execute("SELECT last_checkpoint FROM jobs WHERE id = %s", [job_id]).fetchone()
    return row is not None and row[0] is not None


@pytest.mark.parametrize(("state", "stays"), [("failed", False), ("canceled", False), ("running", True)])
def test_the_state_of_a_training_that_ended_is_removed(
    settings: Settings, tmp_path: Path, state: str, stays: bool
) -> None:
    job_id = add_job(settings, state=state, age_s=-60)
    key = keep_state(settings, job_id, tmp_path / "state")
    sweep(settings)
    assert (has(settings, key), has_state(settings, job_id)) == (stays, stays)


def test_a_state_stays_named_while_the_store_is_away(settings: Settings, tmp_path: Path) -> None:
    job_id = add_job(settings, state="failed")
    keep_state(settings, job_id, tmp_path / "state")
    away = replace(settings, s3_endpoint="http://127.0.0.1:1")
    sweep(away)
    assert has_state(settings, job_id)
    sweep(settings)
    assert not has_state(settings, job_id)


def test_a_database_that_hung_for_longer_than_a_lease_costs_nobody_their_job(
    servers: Servers, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweeps, "_SILENT_S", 1.0)
    job_id = add_job(settings, state="running", age_s=-2)
    with Proxy(servers.ports["postgres"]) as proxy:
        url = through(settings.engine_database_url, proxy)
        with engine_pool(url) as pool, ThreadPoolExecutor(1) as threads:
            sweeper = Sweeper(pool, Bells(settings.redis_url), S3Objects(settings), grace_s=2)
            sweeper.sweep()
            time.sleep(2.1)  # its grace of after the start is over
            with psycopg.connect(settings.engine_database_url) as connection:
                connection.execute("UPDATE jobs SET lease_until = now() + interval '1 s'")
            proxy.black_hole()
            swept = threads.submit(sweeper.sweep)
            time.sleep(2)
            proxy.heal(resume=True)
            swept.result(10)
            # No connection broke; yet its worker could not have renewed.
            assert state_of(settings, job_id) == "running"
            time.sleep(2.1)
            sweeper.sweep()
            assert state_of(settings, job_id) == "queued", "it still does not renew: now it is lost"


def test_a_redis_that_is_silent_holds_up_no_lost_lease(servers: Servers, settings: Settings) -> None:
    with Proxy(servers.ports["redis"]) as proxy, engine_pool(settings.engine_database_url) as pool:
        bells = Bells(through(settings.redis_url, proxy))
        bells.ring("elsewhere")  # a connection of before
        sweeper = Sweeper(pool, bells, S3Objects(settings), grace_s=0)
        proxy.black_hole()
        waiting = add_job(settings, age_s=60, bell=True)
        began = time.monotonic()
        sweeper.sweep()
        lost = add_job(settings, state="running", age_s=1)
        sweeper.sweep()
        assert time.monotonic() - began < 25, "two sweeps, each with a bell that cannot be rung"
        assert (state_of(settings, lost), state_of(settings, waiting)) == ("queued", "queued")
        proxy.heal()
        sweeper.sweep()
        assert bells_of(settings) >= 1
