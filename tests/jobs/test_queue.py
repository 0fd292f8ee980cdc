"""Claim, renew and give back: the rules in SQL, with the database's clock."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest
from psycopg_pool import ConnectionPool

from impasto.backends.postgres import sweeping
from impasto.backends.postgres.finishing import PostgresFinisher
from impasto.backends.postgres.queue import PostgresQueue
from impasto.jobs import MAX_RUNNER_LOSSES, MAX_WORKER_LOSSES, ClaimedJob, Progress, Shape
from impasto.kinds.kind import Result
from impasto.outcomes import Outcome

Pool = ConnectionPool[psycopg.Connection[Any]]
QueueOf = Callable[..., PostgresQueue]
AddJob = Callable[..., str]
StateOf = Callable[[str], dict[str, Any]]
SHAPES: list[Shape] = ["pool"]


class Done(Result):
    """A result with one field."""

    by: str


def must_claim(queue: PostgresQueue) -> ClaimedJob:
    job = queue.claim(SHAPES)
    assert job is not None
    return job


def test_the_higher_priority_goes_first_and_then_the_older(queue_of: QueueOf, add_job: AddJob) -> None:
    low, first, second, high = add_job(priority=-1), add_job(), add_job(), add_job(priority=5)
    queue = queue_of()
    assert [must_claim(queue).id for _ in range(4)] == [high, first, second, low]
    assert queue.claim(SHAPES) is None


def test_only_what_is_due_and_of_an_offered_shape_is_claimed(queue_of: QueueOf, add_job: AddJob) -> None:
    add_job(delay_s=60)
    run = add_job(shape="run")
    queue = queue_of()
    assert queue.claim(SHAPES) is None
    claimed = queue.claim(["pool", "run"])
    assert claimed is not None
    assert claimed.id == run


def test_no_job_is_claimed_twice_however_many_ask(queue_of: QueueOf, add_job: AddJob) -> None:
    ids = {add_job() for _ in range(60)}
    with ThreadPoolExecutor(8) as threads:
        claimed = [job.id for job in threads.map(lambda _: queue_of().claim(SHAPES), range(80)) if job]
    assert Counter(claimed) == Counter(ids)


def test_a_late_finish_is_refused_and_the_new_holder_s_counts(
    pool: Pool, queue_of: QueueOf, add_job: AddJob, finisher: PostgresFinisher, state_of: StateOf
) -> None:
    """200 jobs, each taken from a holder that finishes late, before or after the new one."""
    for number in range(200):
        add_job()
        old = must_claim(queue_of("old", "1", lease_s=-1))
        with pool.connection() as connection:
            assert [moved.state for moved in sweeping.expire_leases(connection)] == ["queued"]
        new = must_claim(queue_of("new", "2"))
        assert (new.id, new.epoch) == (old.id, old.epoch + 1)
        order = [old, new] if number % 2 else [new, old]
        verdicts = {job.epoch: finisher.succeed(job, Outcome(Done(by=f"epoch {job.epoch}"))) for job in order}
        assert verdicts == {old.epoch: False, new.epoch: True}
        assert state_of(old.id)["result"] == {"by": f"epoch {new.epoch}"}


def test_a_finished_job_stays_finished(
    queue_of: QueueOf, add_job: AddJob, finisher: PostgresFinisher, state_of: StateOf
) -> None:
    add_job()
    queue = queue_of()
    job = must_claim(queue)
    assert finisher.fail(job, {"code": "time_limit", "message": "too long"})
    assert not finisher.succeed(job, Outcome(Done(by="late")))
    assert not finisher.cancel(job)
    assert queue.give_back(job, "runner_lost") is None
    assert state_of(job.id)["state"] == "failed"


def test_a_job_that_kills_its_runner_is_given_up_after_three_starts(
    queue_of: QueueOf, add_job: AddJob, state_of: StateOf
) -> None:
    job_id, queue = add_job(), queue_of()
    for start in range(1, MAX_RUNNER_LOSSES + 1):
        moved = queue.give_back(must_claim(queue), "runner_lost")
        assert moved is not None
        assert moved.state == ("queued" if start < MAX_RUNNER_LOSSES else "failed")
    assert state_of(job_id)["error"]["code"] == state_of(job_id)["error_code"] == "runner_killed"
    assert queue.claim(SHAPES) is None


def test_lost_workers_are_counted_apart_and_drains_not_at_all(
    queue_of: QueueOf, add_job: AddJob, state_of: StateOf
) -> None:
    job_id = add_job()
    for life in range(MAX_WORKER_LOSSES - 1):
        must_claim(queue_of("w", str(life)))
        assert [moved.state for moved in queue_of("w", "next").give_back_predecessors()] == ["queued"]
    queue = queue_of()
    for _ in range(10):
        assert queue.give_back(must_claim(queue), "drained")
    for _ in range(MAX_RUNNER_LOSSES - 1):
        assert queue.give_back(must_claim(queue), "runner_lost")
    row = state_of(job_id)
    assert (row["state"], row["worker_losses"], row["runner_losses"]) == ("queued", 4, 2)
    must_claim(queue_of("w", "last"))
    assert [moved.state for moved in queue_of("w", "after").give_back_predecessors()] == ["failed"]
    assert state_of(job_id)["error"]["code"] == "worker_lost"


def test_a_lease_that_is_renewed_does_not_expire_and_one_that_is_not_does(
    pool: Pool, queue_of: QueueOf, add_job: AddJob
) -> None:
    add_job(), add_job()
    alive = must_claim(queue_of("alive", "1", lease_s=-1))
    silent = must_claim(queue_of("silent", "2", lease_s=-1))
    # A worker renews what it is asked to and only what is its own.
    assert list(queue_of("alive", "1", lease_s=30).renew([alive.id, silent.id])) == [alive.id]
    with pool.connection() as connection:
        assert [moved.job_id for moved in sweeping.expire_leases(connection)] == [silent.id]


def test_a_worker_waits_for_the_row_when_it_ends_its_own_attempt(
    pool: Pool, queue_of: QueueOf, add_job: AddJob
) -> None:
    add_job()
    queue = queue_of()
    job = must_claim(queue)
    with ThreadPoolExecutor(1) as threads:
        with pool.connection() as connection:
            # As the lease keeper's renewal does, for a moment.
            connection.execute("UPDATE jobs SET lease_until = now() + interval '30 s' WHERE id = %s", [job.id])
            moved = threads.submit(queue.give_back, job, "runner_lost")
            assert not moved.done()
        assert moved.result(5) is not None


def test_a_cancel_is_seen_at_the_next_renewal_and_beats_a_lost_attempt(
    pool: Pool, queue_of: QueueOf, add_job: AddJob, state_of: StateOf
) -> None:
    job_id, queue = add_job(), queue_of()
    job = must_claim(queue)
    assert queue.renew([job_id])[job_id].cancel_requested is False
    with pool.connection() as connection:
        connection.execute("UPDATE jobs SET cancel_requested_at = now() WHERE id = %s", [job_id])
    assert queue.renew([job_id])[job_id].cancel_requested is True
    assert queue.give_back(job, "runner_lost").state == "canceled"  # type: ignore[union-attr]
    assert state_of(job_id)["error"]["code"] == "canceled"


def test_progress_of_an_old_epoch_is_not_shown(queue_of: QueueOf, add_job: AddJob, state_of: StateOf) -> None:
    add_job()
    queue = queue_of()
    old = must_claim(queue)
    queue.give_back(old, "drained")
    new = must_claim(queue)
    queue.tell_progress({(new.id, new.epoch): Progress(fraction=0.2), (old.id, old.epoch): Progress(fraction=0.9)})
    assert state_of(new.id)["progress"] == {"fraction": 0.2}


def test_a_queued_job_past_its_deadline_fails_and_a_running_one_is_its_workers_to_end(
    pool: Pool, queue_of: QueueOf, add_job: AddJob, state_of: StateOf
) -> None:
    running, queue = add_job(finish_in_s=-1), queue_of()
    job = must_claim(queue)
    queued = add_job(finish_in_s=-1)
    with pool.connection() as connection:
        assert [moved.job_id for moved in sweeping.fail_overdue(connection)] == [queued]
    assert state_of(queued)["error"]["code"] == "deadline_missed"
    assert queue.renew([running])[running].deadline_missed
    assert job.finish_by is not None


def test_events_of_a_job_have_no_gaps_whatever_happens_to_it(
    pool: Pool, queue_of: QueueOf, add_job: AddJob, finisher: PostgresFinisher
) -> None:
    job_id, queue = add_job(), queue_of()
    for cause in ("drained", "runner_lost", "worker_lost"):
        queue.give_back(must_claim(queue), cause)
    finisher.succeed(must_claim(queue), Outcome(Done(by="me")))
    with pool.connection() as connection:
        rows = connection.execute(
            "SELECT number, type FROM job_events WHERE job_id = %s ORDER BY number", [job_id]
        ).fetchall()
    assert [number for number, _ in rows] == list(range(1, 10))
    assert [name for _, name in rows] == ["job.queued", *(["job.started", "job.requeued"] * 3), "job.started",
                                          "job.succeeded"]  # fmt: skip


@pytest.mark.parametrize("cause", ["drained", "storage_lost", "engine_stopped"])
def test_what_is_no_fault_of_the_job_costs_it_nothing(
    queue_of: QueueOf, add_job: AddJob, pool: Pool, cause: str
) -> None:
    add_job()
    queue = queue_of()
    for _ in range(6):
        moved = queue.give_back(must_claim(queue), cause)
        assert moved
        assert moved.state == "queued"
    with pool.connection() as connection:
        counts = connection.execute("SELECT attempts, worker_losses, runner_losses FROM jobs").fetchone()
    assert counts == (0, 0, 0)


def test_what_is_requeued_has_a_bell(pool: Pool, queue_of: QueueOf, add_job: AddJob) -> None:
    add_job()
    queue = queue_of()
    queue.give_back(must_claim(queue), "runner_lost")
    with pool.connection() as connection:
        assert sweeping.take_bells(connection, 0.0) == {"test": [None]}
        assert sweeping.take_bells(connection, 0.0) == {}


@pytest.mark.parametrize("state", ["running", "succeeded"])
def test_the_database_refuses_a_row_whose_state_and_lease_disagree(pool: Pool, add_job: AddJob, state: str) -> None:
    job_id = add_job()
    with pytest.raises(psycopg.errors.CheckViolation), pool.connection() as connection:
        connection.execute("UPDATE jobs SET state = %s WHERE id = %s", [state, job_id])
