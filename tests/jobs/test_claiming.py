"""What a worker may claim, and how it goes with others that claim at the same moment."""

from __future__ import annotations

import functools
import itertools
import random
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest
from psycopg_pool import ConnectionPool

from impasto.backends.postgres.pools import engine_pool
from impasto.backends.postgres.queue import ClaimPolicy
from impasto.testing.databases import DatabaseUrls
from tests.jobs.scheduling import KIND, Hand, Stage, play

Pool = ConnectionPool[psycopg.Connection[Any]]


@pytest.fixture
def stage(pool: Pool) -> Stage:
    return Stage(pool)


def test_eight_who_claim_at_once_take_each_of_a_thousand_jobs_once_and_none_leaves_early(
    database: DatabaseUrls,
) -> None:
    with engine_pool(database.engine, most=9) as pool:
        stage = Stage(pool)
        for tenant in ("a", "b", "c", "d"):
            stage.add(tenant, 150)
            stage.add(tenant, 100, shape="engine", affinity=f"ckp_{tenant}")
        workers = [stage.worker(f"w{number}", places=4) for number in range(8)]
        with ThreadPoolExecutor(8) as threads:
            left = list(threads.map(_claim_all, workers))
        claimed = [job.id for worker in workers for job in worker.running]
        assert Counter(claimed) == Counter(row[0] for row in stage.sql("SELECT id FROM jobs"))
        assert left == [0] * 8, "somebody went home while there was work"
        assert all(worker.running for worker in workers)


def _claim_all(worker: Hand) -> int:
    """Until there is nothing; how many there were all the same, that nobody else had in hand."""
    while (claims := worker.claim(most=2)).jobs or claims.again_s is not None:
        pass
    return len(worker.stage.sql("SELECT id FROM jobs WHERE state = 'queued' FOR UPDATE SKIP LOCKED"))


def test_a_claim_waits_for_nobody_who_is_in_the_middle_of_something(stage: Stage) -> None:
    first, second, _ = stage.add("a", 3)
    worker = stage.worker()
    with stage.pool.connection() as other:
        other.execute("SELECT FROM jobs WHERE id = %s FOR UPDATE", [first])
        other.execute("SET LOCAL statement_timeout = '2s'")
        assert [job.id for job in worker.claim().jobs] == [second]


def test_who_ends_an_attempt_waits_for_no_other_attempt_of_its_tenant(stage: Stage) -> None:
    stage.add("a", 3)
    worker = stage.worker()
    first, second, third = (worker.claim().jobs[0] for _ in range(3))
    worker.end(first)
    with stage.pool.connection() as other:
        other.execute(
            "UPDATE jobs SET state = 'failed', finished_at = now(), lease_until = NULL WHERE id = %s", [second.id]
        )
        worker.end(third)
    assert stage.sql("SELECT count(*) FROM tenant_shares") == [(2,)]


def test_a_worker_claims_only_kinds_that_it_knows(stage: Stage) -> None:
    stage.add("a", 50, kind="test.unknown", age_s=60)
    (known,) = stage.add("a")
    worker = stage.worker(kinds=[KIND])
    assert [job.id for job in worker.claim().jobs] == [known]
    assert not worker.claim().jobs


def test_as_many_engine_jobs_as_there_are_places_go_in_one_claim_and_others_one_by_one(stage: Stage) -> None:
    stage.add("a", 20, shape="engine", age_s=60)
    stage.add("a", 20, shape="pool")
    worker = stage.worker(places=16)
    jobs = worker.claim(most=16).jobs
    assert (len(jobs), {job.shape for job in jobs}) == (16, {"engine"})
    assert len(worker.claim(most=16, shapes=["pool"]).jobs) == 1


def test_jobs_that_are_claimed_together_have_the_checkpoint_of_the_first(stage: Stage) -> None:
    for _ in range(4):
        stage.add("a", shape="engine", affinity="ckp_1")
        stage.add("a", shape="engine", affinity="ckp_2")
    assert {job.affinity for job in stage.worker(places=4).claim(most=4).jobs} == {"ckp_1"}


def test_a_loaded_checkpoint_is_worth_some_seconds_and_no_more(stage: Stage) -> None:
    (old,) = stage.add("a", shape="engine", affinity="ckp_cold", age_s=30)
    (cold,) = stage.add("a", shape="engine", affinity="ckp_cold", age_s=4)
    (warm,) = stage.add("a", shape="engine", affinity="ckp_warm")
    worker = stage.worker(policy=ClaimPolicy(warm_s=5))
    assert [worker.claim(held=["ckp_warm"]).jobs[0].id for _ in range(3)] == [old, warm, cold]


def test_a_job_is_left_for_some_seconds_to_the_worker_that_holds_its_checkpoint(stage: Stage) -> None:
    holder, other = stage.worker("holder"), stage.worker("other", policy=ClaimPolicy(leave_s=5))
    holder.tell("ckp_1")
    (job,) = stage.add("a", shape="engine", affinity="ckp_1")
    (free,) = stage.add("a", shape="engine", affinity="ckp_2")
    assert [found.id for found in other.claim().jobs] == [free], "what nobody holds is anybody's"
    claims = other.claim()
    assert not claims.jobs
    assert claims.holder == "holder"
    assert claims.again_s is not None
    assert 4 < claims.again_s <= 5
    stage.pass_time(5.1)
    assert [found.id for found in other.claim().jobs] == [job]


def _gone(stage: Stage, holder: Hand) -> None:
    holder.queue.say_goodbye()


def _silent(stage: Stage, holder: Hand) -> None:
    stage.sql("UPDATE workers SET seen_at = now() - interval '20 s' WHERE name = 'holder'")


def _busy(stage: Stage, holder: Hand) -> None:
    stage.add("a", shape="run", age_s=5)
    assert holder.claim(shapes=["run"]).jobs
    stage.pass_time(6)


def _elsewhere(stage: Stage, holder: Hand) -> None:
    stage.sql("UPDATE workers SET queues = '{another}' WHERE name = 'holder'")


@pytest.mark.parametrize("why", [_gone, _silent, _busy, _elsewhere])
def test_a_job_is_not_left_to_a_worker_that_will_not_take_it_soon(
    stage: Stage, why: Callable[[Stage, Hand], None]
) -> None:
    holder, other = stage.worker("holder"), stage.worker("other")
    holder.tell("ckp_1")
    why(stage, holder)
    (job,) = stage.add("a", shape="engine", affinity="ckp_1")
    assert [found.id for found in other.claim().jobs] == [job]


def _draw(stage: Stage, checkpoint: str) -> None:
    stage.add("a", shape="engine", affinity=checkpoint)


def test_six_checkpoints_on_two_workers_with_room_for_one_are_loaded_a_third_as_often_as_in_order(
    pool: Pool,
) -> None:
    """200 jobs of a second, 2.5 of them a second; a load takes two."""
    loads: dict[bool, float] = {}
    waits: dict[bool, float] = {}
    for warmly in (False, True):
        stage = Stage(pool)
        chance = random.Random(7)
        at_s = itertools.accumulate(chance.expovariate(2.5) for _ in range(200))
        arrivals = [(at, functools.partial(_draw, stage, f"ckp_{chance.randrange(6)}")) for at in at_s]
        hands = [stage.worker(name) for name in "xy"]
        starts = play(stage, hands, run_s=1.0, load_s=2.0, arrivals=arrivals, warmly=warmly)
        assert len(starts) == 200
        loads[warmly] = sum(hand.loads for hand in hands) / 2
        waits[warmly] = sorted(start.waited_s for start in starts)[189]
        for hand in hands:
            hand.queue.say_goodbye()
    assert loads[True] <= loads[False] / 3
    assert waits[True] <= waits[False]


def test_a_worker_of_before_claims_in_the_new_schema_and_its_jobs_are_charged(stage: Stage) -> None:
    (job,) = stage.add("a")
    stage.sql(
        """UPDATE jobs SET state = 'running', epoch = epoch + 1, attempts = attempts + 1, worker = 'old',
               worker_instance = '1', lease_until = now() + interval '30 s', started_at = now() - interval '40 s'
           WHERE id = %s""",
        [job],
    )
    stage.sql("UPDATE jobs SET state = 'succeeded', finished_at = now(), lease_until = NULL WHERE id = %s", [job])
    ((used_s,),) = stage.sql("SELECT used_s FROM tenant_shares")
    assert used_s == pytest.approx(40, rel=0.01)
