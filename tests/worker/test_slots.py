"""Slots on a real queue: how one shape makes room for another."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import psycopg
import pytest
from impasto_test_kinds import KIND
from prometheus_client import REGISTRY

from impasto.artifacts import ArtifactRef
from impasto.backends.postgres.finishing import PostgresFinisher
from impasto.backends.postgres.pools import engine_pool
from impasto.backends.postgres.queue import PostgresQueue
from impasto.errors import Unavailable
from impasto.identifiers import new_id
from impasto.outcomes import Outcome
from impasto.testing.databases import DatabaseUrls
from impasto.testing.processes import eventually
from impasto_worker.active import ActiveJob, ActiveJobs
from impasto_worker.endings import Endings
from impasto_worker.handling import Handler, JobContext, Tools
from impasto_worker.lease_keeper import LeaseKeeper
from impasto_worker.slots import Slots
from impasto_worker.stops import Stopped

_LEAVE_S = 0.5


class Bench:
    """Two slots, a handler that waits to be let go, and a record of what ran in which order."""

    def __init__(self, urls: DatabaseUrls, folder: Path, pool: Any) -> None:
        self.urls = urls
        self.started: list[str] = []
        self.called = 0
        self.fault: Exception | None = None
        self.uses_folder = False
        self.rung: list[str] = []
        self.threads: list[threading.Thread] = []
        self.go = threading.Semaphore(0)
        self.slots = Slots(
            queue=PostgresQueue(pool, worker="w", instance="1", queues=["test"], lease_s=30),
            finisher=PostgresFinisher(pool),
            handlers={KIND.name: Handler(KIND, self._run)},
            tools=cast(Tools, None),  # this handler asks for nothing
            active=ActiveJobs(),
            work_folder=folder,
            on_news=lambda _: None,
            call_slots=self._call,
            leave_s=_LEAVE_S,
            ring_worker=self.rung.append,
        )

    def add(self, shape: str, waited_s: float) -> None:
        with psycopg.connect(self.urls.engine) as connection:
            connection.execute("INSERT INTO tenants (id, name) VALUES ('tnt_t', 't') ON CONFLICT DO NOTHING")
            connection.execute(
                """INSERT INTO jobs (id, tenant_id, kind, queue, shape, params, run_limit_s, run_after)
                   VALUES (%s, 'tnt_t', 'test.stamp', 'test', %s, '{"text": "x"}', 60,
                           now() - make_interval(secs => %s))""",
                [new_id("job"), shape, waited_s],
            )

    def work(self) -> threading.Thread:
        thread = threading.Thread(target=self.slots.work)
        thread.start()
        self.threads.append(thread)
        return thread

    def _run(self, context: JobContext, params: Any) -> Outcome:
        self.started.append(context.job.shape)
        if self.uses_folder:
            (context.folder / "file").write_text("something")
        self.go.acquire()
        if self.fault:
            raise self.fault
        return Outcome(KIND.result(artifact=ArtifactRef(sha256="0" * 64, media_type="application/json", size_bytes=1)))

    def _call(self) -> None:
        self.called += 1

    def over(self, *threads: threading.Thread) -> None:
        """Waits for these slots to go home, all of them if none is named, and for the ends that they leave behind."""
        for thread in threads or self.threads:
            thread.join(10)
        eventually(lambda: not self.slots.active.snapshot(), "what they ran has ended")


@pytest.fixture
def bench(database: DatabaseUrls, tmp_path: Path) -> Iterator[Bench]:
    with engine_pool(database.engine) as pool:
        made = Bench(database, tmp_path, pool)
        yield made
        made.go.release(100)
        made.over()


def test_a_shape_that_has_waited_gets_the_device_though_older_jobs_of_the_other_wait(bench: Bench) -> None:
    for _ in range(5):
        bench.add("pool", waited_s=90)
    bench.add("run", waited_s=60)
    first = bench.work()
    eventually(lambda: bench.started == ["pool"], "the oldest runs")
    second = bench.work()
    second.join(5)
    assert bench.started == ["pool"], "a second pool job would keep the other shape waiting"
    bench.go.release()
    eventually(lambda: bench.started == ["pool", "run"], "the shape that waited is next")
    assert bench.called == 0
    bench.go.release()
    eventually(lambda: bench.called == 1, "the slots that went home are called back")
    bench.go.release(10)
    first.join(10)
    assert bench.started == ["pool", "run", *["pool"] * 4]


def test_one_shape_at_a_time_has_the_device(bench: Bench) -> None:
    bench.add("pool", waited_s=1)
    bench.add("run", waited_s=0)
    bench.work()
    eventually(lambda: bench.started == ["pool"], "the first runs")
    bench.work().join(5)
    assert bench.started == ["pool"]
    bench.go.release(10)
    eventually(lambda: bench.started == ["pool", "run"], "the other follows")


def test_a_handler_that_fails_leaves_no_job_and_no_folder_behind(bench: Bench, tmp_path: Path) -> None:
    blocked = tmp_path / "blocked"
    blocked.write_text("a file where the folder should be")
    bench.slots._folder = blocked / "work"
    bench.uses_folder = True
    bench.add("pool", waited_s=0)
    bench.work().join(10)
    assert bench.slots.active.snapshot() == []
    with psycopg.connect(bench.urls.engine) as connection:
        assert connection.execute("SELECT state, error->>'code' FROM jobs").fetchone() == ("failed", "internal_error")


def test_a_kind_that_no_handler_knows_fails_by_its_name_and_leaves_nothing_behind(bench: Bench) -> None:
    bench.add("pool", waited_s=0)
    with psycopg.connect(bench.urls.engine) as connection:
        connection.execute("UPDATE jobs SET kind = 'nobody.knows'")
    bench.work().join(10)
    assert bench.slots.active.snapshot() == []
    with psycopg.connect(bench.urls.engine) as connection:
        assert connection.execute("SELECT state, error->>'code' FROM jobs").fetchone() == ("failed", "internal_error")


def test_starts_and_waits_are_counted_once_for_a_job_and_runs_that_succeeded(bench: Bench) -> None:
    def counted(name: str, **labels: str) -> float:
        return REGISTRY.get_sample_value(name, {"kind": KIND.name, **labels}) or 0.0

    names = ("impasto_attempts_started_total", "impasto_queue_wait_seconds_count", "impasto_queue_wait_seconds_sum")
    before = [counted(name, queue="test") for name in names]
    bench.add("pool", waited_s=40)
    with psycopg.connect(bench.urls.engine) as connection:
        connection.execute("UPDATE jobs SET started_at = now() - interval '1 minute'")
    bench.add("pool", waited_s=20)
    bench.go.release(2)
    bench.work().join(10)
    started, waits, waited_s = (counted(name, queue="test") - was for name, was in zip(names, before, strict=True))
    assert (started, waits) == (2, 1), "one of them had been started before"
    assert 20 <= waited_s < 30


def test_a_slot_says_whether_there_was_anything_to_do(bench: Bench) -> None:
    bench.go.release()
    assert bench.slots.work() is False
    bench.add("pool", waited_s=0)
    assert bench.slots.work() is True


def test_no_more_jobs_of_a_shape_run_than_it_has_places(bench: Bench) -> None:
    bench.slots._places = {"pool": 1, "engine": 3}
    for _ in range(3):
        bench.add("pool", waited_s=0)
    first = bench.work()
    eventually(lambda: bench.started == ["pool"], "one runs")
    second = bench.work()
    second.join(10)
    assert not second.is_alive()
    assert bench.started == ["pool"]
    bench.go.release(3)
    first.join(10)
    assert bench.started == ["pool", "pool", "pool"]


def test_slots_that_found_the_device_taken_are_called_when_their_shape_has_it(bench: Bench) -> None:
    bench.add("pool", waited_s=0)
    first = bench.work()
    eventually(lambda: bench.started == ["pool"], "one runs")
    for _ in range(3):
        bench.add("engine", waited_s=0)
    for _ in range(3):
        bench.work().join(10)
    assert bench.called == 0
    bench.go.release()
    eventually(lambda: bench.started == ["pool", "engine"], "the slot goes on with the other shape")
    eventually(lambda: bench.called == 1, "and calls the others")
    assert first.is_alive()


def test_a_job_that_finds_a_free_device_calls_nobody(bench: Bench) -> None:
    bench.add("engine", waited_s=0)
    bench.work()
    eventually(lambda: bench.started == ["engine"], "it runs")
    assert bench.called == 0


class _Leaver:
    """Computes until it is killed; asked to leave it does nothing, as one that waits for a store."""

    def __init__(self) -> None:
        self.asked, self.killed = 0, threading.Event()

    def leave(self) -> None:
        self.asked += 1

    def kill(self) -> None:
        self.killed.set()


def _running(bench: Bench) -> ActiveJob:
    bench.add("run", waited_s=0)
    bench.work()
    eventually(lambda: bench.started, "it runs")
    return bench.slots.active.snapshot()[0]


def _jobs(bench: Bench) -> Any:
    with psycopg.connect(bench.urls.engine) as connection:
        return connection.execute("SELECT state, attempts, worker_losses FROM jobs").fetchone()


def test_a_drain_gives_back_a_job_whose_slot_is_stuck_while_its_state_is_kept(bench: Bench) -> None:
    """The slot of this handler unwinds only when the test lets it: nothing but the drain can give the job back."""
    active, leaver = _running(bench), _Leaver()
    active.attach(leaver, leave=leaver.leave)
    began = time.monotonic()
    bench.slots.drain()
    assert (leaver.asked, leaver.killed.is_set()) == (1, False), "it is given time to keep its state"
    active.check()
    eventually(lambda: _jobs(bench)[0] == "queued", "the job is given back")
    assert time.monotonic() - began >= _LEAVE_S
    assert leaver.killed.is_set()
    assert _jobs(bench) == ("queued", 0, 0)
    bench.go.release()
    bench.over()
    assert _jobs(bench) == ("queued", 0, 0), "what its slot says afterwards counts for nothing"


@pytest.mark.parametrize("state", ['{"step": 10}', None], ids=["with a state", "without"])
def test_a_job_that_the_store_fails_tries_again_later_if_it_can_go_on_from_a_state(
    bench: Bench, state: str | None
) -> None:
    bench.fault = Unavailable("storage_unavailable", "the object store does not answer")
    bench.add("run", waited_s=0)
    with psycopg.connect(bench.urls.engine) as connection:
        connection.execute("UPDATE jobs SET last_checkpoint = %s, worker_losses = 4", [state])
    bench.go.release()
    bench.work().join(10)
    with psycopg.connect(bench.urls.engine) as connection:
        found = connection.execute(
            """SELECT state, error->>'code', attempts, worker_losses, last_checkpoint IS NOT NULL,
                      run_after > now() + interval '30 seconds' FROM jobs"""
        ).fetchone()
        causes = connection.execute("SELECT data->>'cause' FROM job_events WHERE type = 'job.requeued'").fetchall()
    if state:
        assert found == ("queued", None, 0, 4, True, True)
        assert causes == [("storage_lost",)]
    else:
        assert found == ("failed", "storage_unavailable", 1, 4, False, False)


def test_a_job_that_has_ended_its_computation_may_write_its_end_however_long_that_takes(bench: Bench) -> None:
    active, leaver = _running(bench), _Leaver()
    active.attach(leaver, leave=leaver.leave)
    bench.slots.drain()
    active.detach(leaver)
    eventually(lambda: _is_stopped(active), "its time is over")
    assert _jobs(bench)[0] == "running", "its slot is about to write what came of it"
    bench.go.release()
    bench.over()
    assert _jobs(bench)[0] == "succeeded"


def _is_stopped(active: ActiveJob) -> bool:
    try:
        active.check()
    except Stopped:
        return True
    return False


def test_a_drain_ends_at_once_what_cannot_keep_its_state(bench: Bench) -> None:
    active, leaver = _running(bench), _Leaver()
    active.attach(leaver)
    bench.slots.drain()
    assert (leaver.asked, leaver.killed.is_set()) == (0, True)
    with pytest.raises(Stopped):
        active.check()


def _waiting_for_another(bench: Bench) -> threading.Thread:
    """A slot that leaves the one job to another worker, which holds its checkpoint, and has rung it."""
    with psycopg.connect(bench.urls.engine) as connection:
        connection.execute(
            """INSERT INTO workers (name, instance, host, pid, device, queues, slots, places, kinds, checkpoints)
               VALUES ('warm', '1', 'h', 1, 'cpu', '{test}', 2, 2, '{test.stamp}', '{ckp_1}')"""
        )
    bench.add("engine", waited_s=0)
    with psycopg.connect(bench.urls.engine) as connection:
        connection.execute("UPDATE jobs SET affinity = 'ckp_1'")
    slot = bench.work()
    eventually(lambda: bench.rung == ["warm"], "the other is rung")
    return slot


def test_a_slot_that_leaves_a_job_to_another_worker_rings_it_and_asks_again_while_the_others_go_home(
    bench: Bench,
) -> None:
    waits = _waiting_for_another(bench)
    bench.work().join(5)
    assert waits.is_alive()
    assert bench.started == []
    with psycopg.connect(bench.urls.engine) as connection:
        connection.execute("DELETE FROM workers WHERE name = 'warm'")
    bench.go.release()
    waits.join(5)
    assert bench.started == ["engine"]
    assert bench.rung == ["warm"] * 2, "each of the two bells was meant for the other"


def test_a_drain_ends_the_waiting_for_another_worker(bench: Bench) -> None:
    waits = _waiting_for_another(bench)
    bench.slots.drain()
    waits.join(2)
    assert not waits.is_alive()
    assert bench.started == []


def test_slots_that_ask_while_a_claim_is_under_way_share_the_next(bench: Bench) -> None:
    for _ in range(6):
        bench.add("engine", waited_s=0)
    with psycopg.connect(bench.urls.engine) as connection:
        # The first claim waits for the share of its tenant; five more slots come meanwhile.
        connection.execute("LOCK TABLE tenant_shares IN ACCESS EXCLUSIVE MODE")
        for _ in range(6):
            bench.work()
        eventually(lambda: bench.slots._asking == 5, "five wait behind the first")
    eventually(lambda: len(bench.started) == 6, "all six run")
    with psycopg.connect(bench.urls.engine) as connection:
        claims = connection.execute("SELECT count(*) FROM jobs GROUP BY claimed_at ORDER BY 1").fetchall()
    assert claims == [(1,), (5,)]


def test_a_job_that_may_not_be_claimed_takes_the_device_from_nobody(bench: Bench) -> None:
    """Its tenant is at its cap, or its kind is one that the worker does not know."""
    bench.slots._queue._choice["kinds"] = [KIND.name]
    bench.add("run", waited_s=90)
    with psycopg.connect(bench.urls.engine) as connection:
        connection.execute("UPDATE jobs SET kind = 'test.unknown'")
        connection.execute("INSERT INTO tenants (id, name, running_cap) VALUES ('tnt_capped', 'capped', 0)")
    bench.add("run", waited_s=90)
    with psycopg.connect(bench.urls.engine) as connection:
        connection.execute("UPDATE jobs SET tenant_id = 'tnt_capped' WHERE kind = 'test.stamp'")
    for _ in range(2):
        bench.add("pool", waited_s=0)
        bench.work()
    eventually(lambda: bench.started == ["pool", "pool"], "both run at once")


def test_a_jobs_folder_is_made_when_it_is_used_and_goes_with_the_attempt(bench: Bench, tmp_path: Path) -> None:
    work = tmp_path / "work"
    bench.slots._folder = work
    bench.add("pool", waited_s=0)
    first = bench.work()
    eventually(lambda: bench.started == ["pool"], "the first runs")
    assert not work.exists()
    bench.go.release()
    first.join(10)
    bench.uses_folder = True
    bench.add("pool", waited_s=0)
    second = bench.work()
    eventually(lambda: list(work.glob("job_*/file")), "the second has put something there")
    bench.go.release()
    second.join(10)
    assert list(work.iterdir()) == []


def test_a_claim_takes_a_job_for_the_slot_that_only_writes_its_end(bench: Bench) -> None:
    bench.slots._places = {"pool": 2}
    bench.slots._endings = Endings(bench.slots._finisher, 0)  # too many ends are being written
    for _ in range(4):
        bench.add("pool", waited_s=0)

    def running() -> int:
        return len(watcher.execute("SELECT FROM jobs WHERE state = 'running'").fetchall())

    with (
        psycopg.connect(bench.urls.engine, autocommit=True) as watcher,
        psycopg.connect(bench.urls.engine) as holder,
    ):
        first = bench.work()
        eventually(lambda: len(bench.started) == 1, "the first runs")
        holder.execute("SELECT FROM jobs WHERE state = 'running' FOR UPDATE")
        bench.go.release()
        eventually(lambda: bench.slots._ending, "its end waits")
        second = bench.work()
        eventually(lambda: len(bench.started) == 2, "the second runs")
        assert running() == 3, "one ends, one runs, and one is there for the slot that ends"
        assert len(bench.started) == 2
        holder.rollback()
        eventually(lambda: len(bench.started) == 3, "the slot that has ended goes on at once")
    bench.go.release(10)
    first.join(10)
    second.join(10)
    assert len(bench.started) == 4
    assert not bench.slots._ending


def test_a_lease_that_somebody_held_is_renewed_soon(bench: Bench) -> None:
    bench.add("pool", waited_s=0)
    bench.work()
    eventually(lambda: len(bench.started) == 1, "it runs")
    keeper = LeaseKeeper(bench.slots._queue, bench.slots.active, on_idle=lambda: None)
    with psycopg.connect(bench.urls.engine) as holder:
        holder.execute("SELECT FROM jobs FOR UPDATE")
        keeper._turn()
        assert keeper._wake.is_set()
    keeper._wake.clear()
    keeper._turn()
    assert not keeper._wake.is_set()
    bench.go.release(10)
    for thread in bench.threads:
        thread.join(10)


def test_a_job_that_waits_for_its_slot_keeps_its_lease(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.slots._places = {"pool": 2}
    bench.slots._endings = Endings(bench.slots._finisher, 0)
    for _ in range(3):
        bench.add("pool", waited_s=0)
    held, finish = threading.Event(), bench.slots._finisher.succeed
    monkeypatch.setattr(bench.slots._finisher, "succeed", lambda *each, **how: held.wait(30) and finish(*each, **how))
    bench.work()
    eventually(lambda: len(bench.started) == 1, "the first runs")
    bench.go.release()
    eventually(lambda: bench.slots._ending, "its end waits")
    bench.work()
    eventually(bench.slots.handed, "one is there for the slot that ends")
    keeper = LeaseKeeper(bench.slots._queue, bench.slots.active, on_idle=lambda: None, claimed=bench.slots.handed)
    with psycopg.connect(bench.urls.engine, autocommit=True) as watcher:
        watcher.execute("UPDATE jobs SET lease_until = now() WHERE state = 'running'")
        keeper._turn()
        late = watcher.execute("SELECT count(*) FROM jobs WHERE state = 'running' AND lease_until < now()").fetchone()
    assert late == (0,)
    held.set()
    bench.go.release(10)
    for thread in bench.threads:
        thread.join(10)
    assert len(bench.started) == 3
