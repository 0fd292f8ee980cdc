"""Pipelines when processes are killed: nothing is lost between two steps, and nothing is done twice."""

from __future__ import annotations

import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest

from impasto.testing.processes import Process, eventually
from impasto.testing.stacks import Stack
from tests.asking import ask, ended, look
from tests.piping.asking import accepted, over, seen, stamp, states, told


@pytest.fixture
def running(stack: Stack) -> Stack:
    """Gateway and reconciler; each test starts its worker."""
    stack.start_gateway()
    stack.start_reconciler()
    return stack


def assert_each_ran_once(stack: Stack, pipeline_id: str, steps: int) -> None:
    """Every step has one job that was never made twice, and the log tells each once, without gaps."""
    assert stack.sql("SELECT count(*) FROM jobs WHERE pipeline_id = %s", [pipeline_id]) == [(steps,)]
    log = told(stack, pipeline_id)
    ends = [event for event in log if event.startswith("step.succeeded")]
    assert len(ends) == len(set(ends)) == steps
    assert log.count("pipeline.succeeded") == 1
    assert log[-1] == "pipeline.succeeded"


@pytest.mark.parametrize("point", ["claimed", "compute", "uploaded"])
def test_a_pipeline_whose_worker_is_killed_goes_on_on_the_next_one(running: Stack, tmp_path: Path, point: str) -> None:
    gate = tmp_path / "gate"
    gate.touch()
    worker = running.start_worker("w", ["test"], slots=1)
    steps = {
        "first": stamp("a"),
        "killed": stamp("b", source="$steps.first.artifact", gate=str(gate), pause_at=point),
        "last": stamp("c", source="$steps.killed.artifact"),
    }
    pipeline_id = accepted(running, steps)
    eventually(gate.with_suffix(f".{point}").exists, f"the second step reaches {point}; see {worker.log}")
    worker.kill()
    gate.unlink()
    running.start_worker("w", ["test"], slots=1)
    done = over(running, pipeline_id)
    assert (done["state"], states(done)) == ("succeeded", dict.fromkeys(steps, "succeeded"))
    assert_each_ran_once(running, pipeline_id, 3)
    assert "step.requeued killed" in told(running, pipeline_id)


def test_an_end_that_nobody_drew_consequences_of_is_found_by_the_reconciler(stack: Stack) -> None:
    """A job is ended behind the platform's back, as by a worker of before that knows of no pipelines."""
    stack.start_gateway()
    pipeline_id = accepted(stack, {"a": stamp("a"), "b": stamp("b", after=["a"])})
    job = seen(stack, pipeline_id)["steps"]["a"]["job_id"]
    stack.sql("UPDATE jobs SET state = 'succeeded', finished_at = now(), result = '{}' WHERE id = %s", [job])
    assert states(seen(stack, pipeline_id)) == {"a": "succeeded", "b": "waiting"}
    reconciler = stack.start_reconciler()
    eventually(lambda: states(seen(stack, pipeline_id))["b"] == "queued", f"it goes on; see {reconciler.log}")
    stack.start_worker("w", ["test"])
    assert over(stack, pipeline_id)["state"] == "succeeded"
    assert_each_ran_once(stack, pipeline_id, 2)


def test_a_killed_reconciler_leaves_nothing_undone(stack: Stack) -> None:
    """It is paused and killed while many pipelines wait for it; the next one finds all of them, each once."""
    stack.start_gateway()
    made = [accepted(stack, {"a": stamp("a"), "b": stamp("b", after=["a"])}) for _ in range(20)]
    stack.sql("UPDATE jobs SET state = 'succeeded', finished_at = now(), result = '{}' WHERE pipeline_id IS NOT NULL")
    first = stack.start_reconciler()
    begun = "SELECT count(*) FROM pipeline_steps WHERE name = 'b' AND state <> 'waiting'"
    eventually(lambda: stack.sql(begun)[0][0] > 0, "some go on")
    first.kill()
    second, third = stack.start_reconciler(), stack.start_reconciler()
    eventually(lambda: stack.sql(begun) == [(20,)], f"all go on; see {second.log} and {third.log}")
    assert stack.sql("SELECT count(*) FROM jobs") == [(40,)]
    assert len(made) == 20


def test_a_cancel_whose_gateway_died_in_the_middle_is_finished_by_the_reconciler(stack: Stack) -> None:
    stack.start_gateway()
    pipeline_id = accepted(stack, {"a": stamp("a"), "b": stamp("b", after=["a"])})
    # The first of the two commits of a cancel, and then nothing more.
    stack.sql("UPDATE pipelines SET cancel_requested_at = now() WHERE id = %s", [pipeline_id])
    stack.start_reconciler()
    done = over(stack, pipeline_id)
    assert (done["state"], states(done)) == ("canceled", {"a": "canceled", "b": "canceled"})


def test_steps_that_end_at_the_same_moment_begin_what_needs_them_all_once(running: Stack) -> None:
    """Four slots of two workers end steps together, over and over; what needs them all begins once, and at once."""
    running.start_worker("w1", ["test"], slots=2)
    running.start_worker("w2", ["test"], slots=2)
    wide = {f"s{n}": stamp(str(n)) for n in range(8)} | {"all": stamp("all", after=[f"s{n}" for n in range(8)])}
    made = [accepted(running, wide) for _ in range(6)]
    for pipeline_id in made:
        assert over(running, pipeline_id, 90)["state"] == "succeeded"
        assert_each_ran_once(running, pipeline_id, 9)


def test_many_who_resume_at_once_make_each_job_once(running: Stack) -> None:
    running.start_worker("w", ["test"])
    steps = {"a": stamp("a", then="refuse"), "b": stamp("b", after=["a"])}
    first = over(running, accepted(running, steps))
    together = threading.Barrier(6)

    def resume(_: int) -> int:
        together.wait()
        return ask(running, "POST", f"/v1/pipelines/{first['id']}/resume").status_code

    with ThreadPoolExecutor(6) as threads:
        assert set(threads.map(resume, range(6))) <= {202}
    over(running, first["id"])
    retries = running.sql("SELECT count(*) FROM jobs WHERE retry_of = %s", [first["steps"]["a"]["job_id"]])
    assert retries == [(1,)]


def test_cancel_and_the_ends_of_its_jobs_do_not_lock_each_other_out(running: Stack) -> None:
    """Jobs end while their pipelines are canceled: nobody is told of a deadlock, and each pipeline ends once."""
    running.start_worker("w1", ["test"], slots=4)
    made = [accepted(running, {f"s{n}": stamp(str(n)) for n in range(10)}) for _ in range(6)]
    with ThreadPoolExecutor(6) as threads:
        answers = list(threads.map(lambda made: ask(running, "POST", f"/v1/pipelines/{made}/cancel"), made))
    assert {answer.status_code for answer in answers} <= {202, 409}, [answer.text for answer in answers]
    for pipeline_id in made:
        assert over(running, pipeline_id)["state"] in {"canceled", "succeeded"}
        log = told(running, pipeline_id)
        assert sum(event in {"pipeline.canceled", "pipeline.succeeded"} for event in log) == 1
    logs = "".join(process.log.read_text() for process in running.processes)
    assert "deadlock" not in logs.lower()
    assert "was not advanced" not in logs


def test_a_worker_paused_while_it_holds_a_pipeline_does_not_hold_up_others(running: Stack, tmp_path: Path) -> None:
    """Somebody holds one pipeline's row; jobs of other pipelines and the reconciler go on, and it follows later."""
    running.start_worker("w", ["test"])
    held, free = (accepted(running, {"a": stamp(), "b": stamp("b", after=["a"])}) for _ in range(2))
    over(running, free)
    over(running, held)
    gate = tmp_path / "gate"
    gate.touch()
    held = accepted(running, {"a": stamp("a", gate=str(gate), pause_at="uploaded"), "b": stamp("b", after=["a"])})
    eventually(gate.with_suffix(".uploaded").exists, "its first step is about to end")
    with psycopg.connect(running.settings.engine_database_url) as other:
        other.execute("SELECT FROM pipelines WHERE id = %s FOR UPDATE", [held])
        gate.unlink()
        assert over(running, accepted(running, {"a": stamp("x"), "b": stamp("y", after=["a"])}))["state"] == "succeeded"
        # Its step waits for the row for a moment, and then ends without what follows from it.
        assert states(seen(running, held)) in [{"a": state, "b": "waiting"} for state in ("running", "succeeded")]
    assert over(running, held)["state"] == "succeeded"
    assert_each_ran_once(running, held, 2)


def test_a_paused_worker_s_late_result_begins_nothing(running: Stack, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    gate.touch()
    first: Process = running.start_worker("first", ["test"], slots=1)
    steps = {"a": stamp("a", gate=str(gate), pause_at="uploaded"), "b": stamp("b", source="$steps.a.artifact")}
    pipeline_id = accepted(running, steps)
    eventually(gate.with_suffix(".uploaded").exists, "the first step is about to end")
    running.start_worker("second", ["test"], slots=1)
    first.signal(signal.SIGSTOP)
    gate.unlink()
    done = over(running, pipeline_id)
    first.signal(signal.SIGCONT)
    words = ("late_result_refused", "lease_lost")
    eventually(lambda: any(word in first.log.read_text() for word in words), "the late result is refused")
    assert_each_ran_once(running, pipeline_id, 2)
    assert look(running, done["steps"]["b"]["job_id"])["state"] == "succeeded"


def test_a_kind_that_a_process_does_not_know_is_left_to_one_that_does(running: Stack) -> None:
    """As while workers of a new version come and those of an old one end the steps before."""
    worker = running.start_worker("w", ["test"])
    gate = running.folder / "gate"
    gate.touch()
    waiting = accepted(running, {"a": stamp("a", gate=str(gate), pause_at="compute"), "b": stamp("b", after=["a"])})
    running.sql("UPDATE pipeline_steps SET kind = 'of.tomorrow' WHERE pipeline_id = %s AND name = 'b'", [waiting])
    gate.unlink()
    ended(running, seen(running, waiting)["steps"]["a"]["job_id"])
    words = f"{waiting} waits for a process that knows the kind of.tomorrow"
    eventually(lambda: words in worker.log.read_text(), "the worker says so")
    assert states(seen(running, waiting))["b"] == "waiting"
    running.sql("UPDATE pipeline_steps SET kind = 'test.stamp' WHERE pipeline_id = %s AND name = 'b'", [waiting])
    assert over(running, waiting)["state"] == "succeeded"
    assert_each_ran_once(running, waiting, 2)


def test_a_fault_in_what_follows_does_not_undo_what_was_computed(running: Stack, tmp_path: Path) -> None:
    """A step's row that cannot be read: the job of the step before it succeeds, other pipelines go on, cancel works."""
    running.start_worker("w", ["test"])
    gate = tmp_path / "gate"
    gate.touch()
    broken = accepted(running, {"a": stamp("a", gate=str(gate), pause_at="compute"), "b": stamp("b", after=["a"])})
    running.sql("UPDATE pipeline_steps SET condition = 'nonsense' WHERE pipeline_id = %s AND name = 'b'", [broken])
    gate.unlink()
    first = seen(running, broken)["steps"]["a"]["job_id"]
    assert ended(running, first)["state"] == "succeeded"
    other = accepted(running, {"a": stamp("x"), "b": stamp("y", after=["a"])})
    assert over(running, other)["state"] == "succeeded"
    logs = [process.log for process in running.processes]
    eventually(lambda: any("could not go on" in log.read_text() for log in logs), "the reconciler says so")
    assert any(f"{broken} was not advanced" in log.read_text() for log in logs)
    ask(running, "POST", f"/v1/pipelines/{broken}/cancel")
    assert over(running, broken)["state"] == "canceled"
