"""Which tenant is next: shares, caps, and that nobody starves. Time is moved, the SQL is the real one."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest
from psycopg_pool import ConnectionPool

from impasto.backends.postgres.queue import ClaimPolicy
from tests.jobs.scheduling import Stage, Start, play

Pool = ConnectionPool[psycopg.Connection[Any]]


@pytest.fixture
def stage(pool: Pool) -> Stage:
    return Stage(pool)


def _starts_of(tenant: str, starts: list[Start]) -> list[float]:
    return [start.at_s for start in starts if start.tenant == tenant]


@pytest.mark.parametrize("head_start_s", [0.0, 20.0])
def test_on_one_slot_the_kth_job_of_a_newcomer_starts_within_2k_plus_1_seconds(
    stage: Stage, head_start_s: float
) -> None:
    """A has queued 500 jobs of a second, B queues five."""
    worker = stage.worker()
    stage.add("a", 500)
    if head_start_s:
        play(stage, [worker], run_s=1.0, enough=lambda starts: len(starts) > head_start_s)
        worker.end(worker.running[0])
    stage.add("b", 5)
    starts = play(stage, [worker], run_s=1.0, enough=lambda starts: len(_starts_of("b", starts)) == 5)
    assert all(at_s <= 2 * k + 1 for k, at_s in enumerate(_starts_of("b", starts), start=1))


def test_on_four_slots_all_five_jobs_of_a_newcomer_start_within_five_seconds(stage: Stage) -> None:
    workers = [stage.worker(name) for name in ("w1", "w2", "w3", "w4")]
    stage.add("a", 500)
    arrivals = [(10.5, lambda: stage.add("b", 5))]
    starts = play(stage, workers, run_s=1.0, arrivals=arrivals, enough=lambda s: len(_starts_of("b", s)) == 5)
    assert max(_starts_of("b", starts)) <= 15.5


def test_many_short_jobs_in_flight_count_before_they_have_ended(stage: Stage) -> None:
    """Eight slots are filled at one moment, before anybody has used anything."""
    stage.add("many", 100, age_s=10)
    stage.add("few", 100)
    worker = stage.worker(places=8)
    assert [worker.claim().jobs[0].tenant_id for _ in range(8)].count("few") == 4


def test_a_tenant_s_use_fades_by_half_in_an_hour(stage: Stage) -> None:
    stage.add("a")
    worker = stage.worker()
    (job,) = worker.claim().jobs
    stage.pass_time(100)
    worker.end(job)
    stage.pass_time(3600)
    ((left_s,),) = stage.sql("SELECT faded(used_s, used_at) FROM tenant_shares WHERE tenant_id = 'a'")
    assert left_s == pytest.approx(50, rel=0.02)


def test_every_way_in_which_an_attempt_ends_is_charged(stage: Stage) -> None:
    stage.add("a", 2)
    worker = stage.worker(places=2)
    returned, lost = worker.claim().jobs[0], worker.claim().jobs[0]
    stage.pass_time(30)
    assert worker.queue.give_back(returned, "drained")
    stage.sql("UPDATE jobs SET state = 'failed', finished_at = now(), lease_until = NULL WHERE id = %s", [lost.id])
    ((used_s,),) = stage.sql("SELECT sum(faded(used_s, used_at)) FROM tenant_shares")
    assert used_s == pytest.approx(60, rel=0.01)


def test_one_who_used_far_too_much_still_gets_a_job_within_the_time_of_a_class(stage: Stage) -> None:
    policy = ClaimPolicy(class_s=60)
    worker = stage.worker(policy=policy)
    stage.add("modest", 500)
    stage.add("greedy", 3)
    stage.sql("INSERT INTO tenant_shares (tenant_id, queue, used_s, used_at) VALUES ('greedy', 'other', 1e6, now())")
    starts = play(stage, [worker], run_s=1.0, enough=lambda s: len(_starts_of("greedy", s)) == 2)
    first, second = _starts_of("greedy", starts)
    assert 50 <= first <= 62
    assert second - first <= 63


def test_priorities_order_a_tenant_s_own_jobs_and_take_nothing_from_others(stage: Stage) -> None:
    stage.add("a", 10, priority=10)
    stage.add("b", 10)
    worker = stage.worker()
    starts = play(stage, [worker], run_s=1.0, enough=lambda s: len(s) == 10)
    assert len(_starts_of("b", starts)) == 5


def test_who_waits_gains_a_class_for_each_so_many_seconds(stage: Stage) -> None:
    """A new job of the next class comes every second; the old one waits for those of its first 20 seconds."""
    worker = stage.worker(policy=ClaimPolicy(class_s=20))
    (low,) = stage.add("a", priority=-1)
    stage.add("a")
    arrivals = [(float(second), lambda: stage.add("a")) for second in range(1, 60)]
    began = time.monotonic()
    play(
        stage,
        [worker],
        run_s=1.0,
        arrivals=arrivals,
        enough=lambda _: bool(stage.sql("SELECT 1 FROM jobs WHERE id = %s AND state <> 'queued'", [low])),
    )
    # Beside the seconds that are played, those that the playing takes pass for the rows as well.
    assert stage.now_s + time.monotonic() - began >= 19
    assert stage.now_s <= 22


def test_no_more_jobs_of_a_tenant_run_than_its_cap_however_many_ask(stage: Stage) -> None:
    stage.add("capped", 20, age_s=60)
    stage.add("free", 5)
    stage.sql("UPDATE tenants SET running_cap = 3 WHERE id = 'capped'")
    workers = [stage.worker(f"w{number}") for number in range(8)]
    for _ in range(2):
        with ThreadPoolExecutor(8) as threads:
            list(threads.map(lambda worker: worker.claim(), workers))
        assert stage.sql("SELECT count(*) FROM jobs WHERE tenant_id = 'capped' AND state = 'running'") == [(3,)]
    assert stage.sql("SELECT count(*) FROM jobs WHERE tenant_id = 'free' AND state = 'running'") == [(5,)]
    holder = next(worker for worker in workers if any(job.tenant_id == "capped" for job in worker.running))
    holder.end(next(job for job in holder.running if job.tenant_id == "capped"))
    assert [job.tenant_id for job in workers[0].claim().jobs] == ["capped"]
    assert not workers[0].claim().jobs


def test_a_claim_for_many_slots_is_shared_out_and_stays_below_the_cap(stage: Stage) -> None:
    stage.add("capped", 20, shape="engine", age_s=60)
    stage.add("free", 20, shape="engine")
    stage.sql("UPDATE tenants SET running_cap = 2 WHERE id = 'capped'")
    tenants = [job.tenant_id for job in stage.worker(places=16).claim(most=16).jobs]
    assert (tenants.count("capped"), tenants.count("free")) == (2, 14)


def test_use_of_long_ago_stops_nobody(stage: Stage) -> None:
    """After some weeks so little is left of it that PostgreSQL refuses to compute it."""
    worker = stage.worker()
    stage.add("a", 2)
    worker.end(worker.claim().jobs[0])
    running = worker.claim().jobs[0]
    stage.pass_time(60 * 86400)
    stage.add("a")
    stage.add("b")
    others = stage.worker("others", places=2)
    assert {others.claim().jobs[0].tenant_id for _ in range(2)} == {"a", "b"}
    worker.end(running)
