"""Estimates against what comes true, with the real SQL in simulated time."""

from __future__ import annotations

import asyncio
import random
import statistics
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import psycopg
import pytest

from impasto.backends.postgres.estimates import queue_estimate, run_seconds, start_seconds
from impasto.estimates import Interval, QueueEstimate
from impasto.kinds.generate_text_to_image import KIND as DRAWING
from impasto.testing.databases import DatabaseUrls
from tests.jobs.conftest import Pool
from tests.jobs.scheduling import KIND, Hand, Stage

T = TypeVar("T")


@pytest.fixture
def stage(pool: Pool) -> Stage:
    return Stage(pool)


def asked(database: DatabaseUrls, tenant: str, question: Callable[[Any], Awaitable[T]]) -> T:
    """As role impasto_api, for a tenant."""

    async def run() -> T:
        async with await psycopg.AsyncConnection.connect(database.api) as connection:
            await connection.execute("SELECT set_config('app.tenant_id', %s, true)", [tenant])
            return await question(connection)

    return asyncio.run(run())


def place_of(database: DatabaseUrls, tenant: str, job_id: str) -> QueueEstimate:
    found = asked(database, tenant, lambda connection: queue_estimate(connection, job_id))
    assert found is not None
    return found


def ran(stage: Stage, count: int, seconds: Callable[[int], float], **values: Any) -> None:
    """Runs that have ended, the last just now."""
    given = {"tenant_id": "tnt_past", "kind": KIND, "affinity": "", "size_class": None} | values
    stage.sql("INSERT INTO tenants (id, name) VALUES ('tnt_past', 'past') ON CONFLICT DO NOTHING")
    for number in range(count):
        stage.sql(
            """INSERT INTO jobs (id, tenant_id, kind, queue, shape, params, state, run_limit_s, affinity, size_class,
                                 claimed_at, finished_at)
               VALUES ('job_' || gen_random_uuid(), %s, %s, 'test', 'pool', '{}', 'succeeded', 60, %s, %s,
                       now() - make_interval(secs => %s), now())""",
            [given["tenant_id"], given["kind"], given["affinity"], given["size_class"], seconds(number)],
        )


def within(interval: Interval | None, value: float) -> bool:
    assert interval is not None
    return interval.p10 <= value <= interval.p90


def test_about_eight_of_ten_jobs_start_and_end_within_what_was_told(stage: Stage, database: DatabaseUrls) -> None:
    dice, stage.alone = random.Random(7), True
    length = lambda: dice.lognormvariate(1.0, 0.6)  # noqa: E731
    ran(stage, 60, lambda _: length())
    hands = [stage.worker(name, places=2, kinds=[KIND]) for name in ("one", "two")]
    starts_told, ends_told, bounds = [], [], []
    for _ in range(14):
        jobs = {job: tenant for tenant in ("a", "b", "c") for job in stage.add(tenant, dice.randrange(3, 14))}
        for hand in hands:
            hand.tell()
        # Some run already, and for a while.
        claim(hands)
        for_s = dice.uniform(0.0, 2.0)
        stage.pass_time(for_s)
        waiting = [job for job in jobs if job not in {its.id for hand in hands for its in hand.running}]
        told = {job: place_of(database, jobs[job], job) for job in dice.sample(waiting, 6)}
        began, order = stage.now_s, []
        started, ended = run_out(stage, hands, length, order, for_s)
        for job, estimate in told.items():
            starts_told.append(within(estimate.start_in_s, started[job] - began))
            ends_told.append(within(estimate.end_in_s, ended[job] - began))
            bounds.append(estimate.position.at_least <= order.index(job) + 1 <= estimate.position.at_most)
    assert all(bounds)
    assert 0.65 <= statistics.mean(starts_told) <= 0.97
    assert 0.65 <= statistics.mean(ends_told) <= 0.97


def claim(hands: list[Hand], order: list[str] | None = None) -> list[Any]:
    jobs = []
    for hand in hands:
        while len(hand.running) < hand.places and (claims := hand.claim()).jobs:
            jobs += [(hand, job) for job in claims.jobs]
            if order is not None:
                order += [job.id for job in claims.jobs]
    return jobs


def run_out(
    stage: Stage, hands: list[Hand], length: Callable[[], float], order: list[str], ran_s: float
) -> tuple[dict[str, float], dict[str, float]]:
    """Serves until nothing waits; when each job started and ended. What runs already has run for `ran_s`."""
    ends: list[tuple[float, Hand, Any]] = []
    started: dict[str, float] = {}
    ended: dict[str, float] = {}
    for hand in hands:
        for job in hand.running:
            # As long as one that is known to have gone on for so long.
            whole = next(value for value in iter(length, None) if value > ran_s)
            ends.append((stage.now_s + whole - ran_s, hand, job))
    while True:
        for hand, job in claim(hands, order):
            started[job.id] = stage.now_s
            ends.append((stage.now_s + length(), hand, job))
        if not ends:
            return started, ended
        ends.sort(key=lambda each: each[0])
        at_s, hand, job = ends.pop(0)
        stage.pass_time(max(0.0, at_s - stage.now_s))
        hand.end(job)
        ended[job.id] = stage.now_s


def test_nothing_is_told_without_history_or_without_a_worker(stage: Stage, database: DatabaseUrls) -> None:
    (job,) = stage.add("a")
    alone = place_of(database, "a", job)
    assert (alone.slots, alone.start_in_s, alone.end_in_s) == (0, None, None)
    hand = stage.worker(places=2)
    at_once = place_of(database, "a", job)
    assert at_once.slots == 2
    assert at_once.start_in_s == Interval(p10=0, p90=0)
    assert at_once.end_in_s is None
    # Both slots are taken by jobs of which nobody knows how long they take.
    stage.add("a")
    assert len(hand.claim().jobs) == len(hand.claim().jobs) == 1
    waits = place_of(database, "a", stage.add("a")[0])
    assert (waits.slots, waits.start_in_s, waits.end_in_s) == (2, None, None)


def test_a_place_counts_own_jobs_by_priority_and_others_at_most(stage: Stage, database: DatabaseUrls) -> None:
    ran(stage, 20, lambda _: 10.0)
    stage.worker(places=1)
    first, second, third = stage.add("a", 3)
    stage.add("b", 5)
    (urgent,) = stage.add("a", priority=5)
    places = {job: place_of(database, "a", job).position for job in (first, second, third, urgent)}
    assert [places[job].at_least for job in (urgent, first, second, third)] == [1, 2, 3, 4]
    assert [places[job].at_most for job in (urgent, first, second, third)] == [6, 7, 8, 9]
    assert all(place.at_least <= place.about <= place.at_most for place in places.values())


def test_another_tenant_s_job_has_no_place(stage: Stage, database: DatabaseUrls) -> None:
    (job,) = stage.add("a")
    stage.add("b")
    assert asked(database, "b", lambda connection: queue_estimate(connection, job)) is None


def test_a_job_that_runs_has_no_place(stage: Stage, database: DatabaseUrls) -> None:
    (job,) = stage.add("a")
    assert stage.worker().claim().jobs
    assert asked(database, "a", lambda connection: queue_estimate(connection, job)) is None


def test_how_long_a_run_takes_is_told_from_runs_of_its_kind_size_and_checkpoint(
    stage: Stage, database: DatabaseUrls
) -> None:
    small = {"checkpoint": "starter", "prompts": ["x"], "seeds": [0], "steps": 10}
    large = small | {"seeds": list(range(64)), "steps": 100}

    def told(params: dict[str, Any]) -> Interval | None:
        return asked(database, "b", lambda connection: run_seconds(connection, DRAWING, params))

    size = DRAWING.size_of(small)
    ran(stage, 4, lambda n: 2.0 + n, kind=DRAWING.name, affinity="starter", size_class=size)
    assert told(small) is None
    ran(stage, 30, lambda n: 2.0 + n / 10, kind=DRAWING.name, affinity="starter", size_class=size)
    found = told(small)
    assert found is not None
    assert 1.9 <= found.p10 <= 2.6
    assert 4.2 <= found.p90 <= 5.2
    assert told(large) is None
    assert told(small | {"checkpoint": "ckp_other"}) is None
    # The next size is near enough, where its own has no history.
    assert told(small | {"steps": 20}) is not None


def test_when_a_job_would_start_that_is_not_there_yet(stage: Stage, database: DatabaseUrls) -> None:
    ran(stage, 20, lambda _: 10.0, kind="analyse.artwork")
    start = lambda: asked(database, "a", lambda connection: start_seconds(connection, "analyse.artwork"))  # noqa: E731
    stage.sql("INSERT INTO tenants (id, name) VALUES ('a', 'a')")
    assert start() is None
    stage.sql(
        """INSERT INTO workers (name, instance, host, pid, device, queues, slots, kinds)
           VALUES ('w', '1', 'h', 1, 'cpu', '{analyse}', 1, '{analyse.artwork}')"""
    )
    assert start() == Interval(p10=0, p90=0)
    stage.add("a", 3, kind="analyse.artwork", queue="analyse")
    assert start() == Interval(p10=30, p90=30)


def test_old_runs_and_failed_ones_are_no_history(stage: Stage, database: DatabaseUrls) -> None:
    ran(stage, 10, lambda _: 1.0, kind="analyse.artwork")
    stage.sql(
        "UPDATE jobs SET finished_at = finished_at - interval '31 days', claimed_at = claimed_at - interval '31 days'"
    )
    ran(stage, 10, lambda _: 1.0, kind="analyse.artwork")
    stage.sql("UPDATE jobs SET state = 'failed' WHERE finished_at > now() - interval '1 day'")
    assert asked(database, "b", lambda connection: run_seconds(connection, "analyse.artwork", {})) is None


def test_a_queue_of_many_is_looked_through_in_little_time(stage: Stage, database: DatabaseUrls) -> None:
    ran(stage, 20, lambda _: 10.0)
    stage.worker(places=1)
    for tenant in range(10):
        stage.add(f"t{tenant}", 2000)
    (job,) = stage.add("t3")
    assert place_of(database, "t3", job).position.at_most == 20_001
    with stage.pool.connection() as connection:
        plan = connection.execute(
            """EXPLAIN (FORMAT json) SELECT extract(epoch FROM newest.finished_at) FROM (
                   SELECT finished_at FROM jobs j WHERE j.kind = 'test.stamp' AND j.state = 'succeeded'
                   AND j.finished_at > now() - interval '30 days' ORDER BY j.finished_at DESC LIMIT 1000) newest"""
        ).fetchone()
    assert plan is not None
    assert "jobs_history" in str(plan[0])
