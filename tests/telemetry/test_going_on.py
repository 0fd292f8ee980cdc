"""A trace goes on where one piece of work leads to another; and what callers send as one may be anything."""

from __future__ import annotations

import pytest

from impasto.testing.processes import answers, eventually
from impasto.testing.stacks import Stack
from impasto.traces import new_trace_parent, trace_id_of, trace_parent
from tests.asking import ask, ended, look, submit
from tests.telemetry.collector import Collector

_TRACE = "c3" * 16
_CALLER = f"00-{_TRACE}-{'d4' * 8}-01"
_STAMP = {"kind": "test.stamp", "params": {"text": "a"}}


@pytest.mark.parametrize(
    "odd",
    [
        "00-" + "0" * 32 + "-" + "1" * 16 + "-01",
        "00-" + "1" * 32 + "-" + "0" * 16 + "-01",
        "ff-" + "1" * 32 + "-" + "1" * 16 + "-01",
        "00-" + "A" * 32 + "-" + "1" * 16 + "-01",
        _CALLER + "-more",
        _CALLER + "\n",
        "00-" + "1" * 100_000,
        "",
        None,
    ],
)
def test_what_is_no_context_is_none(odd: str | None) -> None:
    assert trace_parent(odd) is None
    assert trace_id_of(odd) is None


def test_a_context_of_our_own_is_one() -> None:
    made = {new_trace_parent() for _ in range(100)}
    assert len({trace_id_of(each) for each in made}) == 100
    assert all(trace_parent(each) == each for each in made)


@pytest.mark.parametrize("odd", ["nonsense", _CALLER + "-more", "00-" + "0" * 32 + "-" + "1" * 16 + "-01", "x" * 4000])
def test_a_caller_that_sends_none_or_an_odd_one_gets_a_trace_of_its_own(platform: Stack, odd: str) -> None:
    asked = [ask(platform, "POST", "/v1/jobs", json=_STAMP, headers={"traceparent": odd}) for _ in range(2)]
    ids = [answer.json()["trace_id"] for answer in asked]
    assert len({*ids, _TRACE}) == 3
    assert look(platform, asked[0].json()["id"])["trace_id"] == ids[0]


def test_jobs_of_one_call_are_one_trace(platform: Stack) -> None:
    answer = ask(platform, "POST", "/v1/jobs/bulk", json={"jobs": [_STAMP, _STAMP]}, headers={"traceparent": _CALLER})
    assert [job["trace_id"] for job in answer.json()["items"]] == [_TRACE, _TRACE]


def test_a_retry_and_the_steps_of_a_pipeline_go_on_with_the_trace(platform: Stack) -> None:
    failed = {"kind": "test.stamp", "params": {"text": "a", "then": "refuse"}}
    job = ask(platform, "POST", "/v1/jobs", json=failed, headers={"traceparent": _CALLER}).json()
    assert ended(platform, job["id"])["state"] == "failed"
    again = ask(platform, "POST", f"/v1/jobs/{job['id']}/retry").json()
    assert again["trace_id"] == _TRACE
    steps = {
        "first": _STAMP,
        "second": {"kind": "test.stamp", "params": {"text": "b", "source": "$steps.first.artifact"}},
    }
    made = ask(platform, "POST", "/v1/pipelines", json={"name": "t", "steps": steps}, headers={"traceparent": _CALLER})
    assert made.status_code == 202, made.text
    address = f"/v1/pipelines/{made.json()['id']}"

    def over() -> list[str] | None:
        found = ask(platform, "GET", address).json()
        return [step["job_id"] for step in found["steps"]] if found["state"] == "succeeded" else None

    jobs = eventually(over, "the pipeline succeeds", 40)
    assert len(jobs) == 2
    assert {look(platform, job_id)["trace_id"] for job_id in jobs} == {_TRACE}


def test_each_time_of_a_schedule_is_a_trace_of_its_own_linked_to_who_made_it(
    stack: Stack, collector: Collector
) -> None:
    stack.environment |= {"IMPASTO_TRACES_ENDPOINT": collector.url, "OTEL_BSP_SCHEDULE_DELAY": "100"}
    stack.start_gateway()
    stack.start_reconciler()
    body = {"name": "soon", "cron": "* * * * *", "job": _STAMP}
    made = ask(stack, "POST", "/v1/schedules", json=body, headers={"traceparent": _CALLER})
    assert made.status_code == 201, made.text
    stack.sql("UPDATE schedules SET next_at = now() - interval '1 second'")

    def job_of_it() -> str | None:
        runs = ask(stack, "GET", f"/v1/schedules/{made.json()['id']}").json()["runs"]
        return runs[0]["job_id"] if runs else None

    job = look(stack, eventually(job_of_it, "the schedule has run"))
    assert job["trace_id"] != _TRACE
    spans = {span.name: span for span in collector.has(job["trace_id"], "run schedule", "send test")}
    assert spans["run schedule"].links == (_TRACE,)
    assert spans["run schedule"].attributes["impasto.job.id"] == job["id"]
    assert spans["send test"].parent == spans["run schedule"].id


def test_a_bell_that_was_not_heard_is_rung_again_in_the_jobs_trace(stack: Stack, collector: Collector) -> None:
    stack.environment |= {"IMPASTO_TRACES_ENDPOINT": collector.url, "OTEL_BSP_SCHEDULE_DELAY": "100"}
    # Without Redis the gateway's bell stays in the outbox; the reconciler has it.
    stack.start("impasto_gateway", IMPASTO_REDIS_URL="redis://127.0.0.1:9/0")
    eventually(lambda: answers(f"{stack.url}/healthz"), "the gateway answers")
    job = submit(stack, "test.stamp", {"text": "a"})
    stack.start_reconciler()
    stack.start_worker("one", ["test"])
    assert ended(stack, job["id"])["state"] == "succeeded"
    spans = collector.has(job["trace_id"], "send test", "process test.stamp")
    assert "impasto-reconciler" in {span.service for span in spans if span.name == "send test"}
