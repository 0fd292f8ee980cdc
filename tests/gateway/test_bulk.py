"""Many jobs in one call: all or none, each fault at its place, one call however often it is sent."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from impasto.identifiers import new_id
from impasto.submission import MOST_BELLS
from impasto.testing.processes import eventually
from impasto.testing.stacks import Stack
from tests.asking import ask, ended, look, submit


def stamps(count: int) -> list[dict[str, Any]]:
    return [{"kind": "test.stamp", "params": {"text": f"n{number}"}} for number in range(count)]


def submit_all(stack: Stack, jobs: list[dict[str, Any]], **rest: Any) -> httpx.Response:
    return ask(stack, "POST", "/v1/jobs/bulk", json={"jobs": jobs}, **rest)


def test_jobs_of_one_call_are_accepted_in_their_order_and_run(platform: Stack) -> None:
    asked = [*stamps(5), {"kind": "test.stamp", "params": {"text": "last"}, "priority": -3, "deadline_s": 600}]
    answer = submit_all(platform, asked)
    assert answer.status_code == 202, answer.text
    items = answer.json()["items"]
    assert [job["params"]["text"] for job in items] == [job["params"]["text"] for job in asked]
    assert [job["id"] for job in items] == sorted(job["id"] for job in items)
    assert [bool(job["finish_by"]) for job in items] == [False] * 5 + [True]
    assert {ended(platform, job["id"])["state"] for job in items} == {"succeeded"}
    events = platform.sql(
        "SELECT number, type FROM job_events WHERE job_id = %s ORDER BY number LIMIT 1", [items[3]["id"]]
    )
    assert events == [(1, "job.queued")]


def test_a_job_of_many_has_all_that_a_single_one_has(stack: Stack) -> None:
    stack.start_gateway()
    options = {"priority": 4, "deadline_s": 60, "start_by_s": 30}
    alone = submit(stack, "test.stamp", {"text": "a"}, **options)["id"]
    among = submit_all(stack, [{"kind": "test.stamp", "params": {"text": "a"}, **options}]).json()["items"][0]["id"]
    of_its_own = "'{id,created_at,run_after,finish_by,start_by,request_sha256,traceparent}'::text[]"
    row = f"SELECT to_jsonb(jobs) - {of_its_own} FROM jobs WHERE id = %s"
    assert stack.sql(row, [alone]) == stack.sql(row, [among])
    filled = (
        "SELECT array_agg(key ORDER BY key) FROM jobs, jsonb_each(to_jsonb(jobs)) WHERE id = %s AND value <> 'null'"
    )
    assert stack.sql(filled, [alone]) == stack.sql(filled, [among])


@pytest.mark.parametrize(
    ("broken", "code", "field"),
    [
        ({"kind": "generate.upscale", "params": {"picture": "sha256:" + "0" * 64, "factor": 3}}, "value_invalid",
         "jobs.2.params.factor"),
        ({"kind": "generate.nothing", "params": {}}, "kind_unknown", "jobs.2.kind"),
        ({"params": {}}, "field_missing", "jobs.2.kind"),
        ({"kind": "test.stamp", "params": {"text": "a"}, "priority": 11}, "value_out_of_range", "jobs.2.priority"),
        ({"kind": "test.stamp", "params": {"text": "a"}, "colour": 1}, "field_unknown", "jobs.2.colour"),
        (7, "value_invalid", "jobs.2"),
    ],
)  # fmt: skip
def test_a_fault_is_named_at_its_place_and_nothing_is_accepted(
    platform: Stack, broken: object, code: str, field: str
) -> None:
    before = platform.sql("SELECT count(*) FROM jobs")
    answer = submit_all(platform, [*stamps(2), broken, *stamps(1)])  # type: ignore[list-item]
    problem = answer.json()
    assert (answer.status_code, problem["code"], problem["errors"][0]["field"]) == (422, code, field)
    assert platform.sql("SELECT count(*) FROM jobs") == before


def test_a_reference_to_nothing_and_a_callback_are_refused_at_their_place(platform: Stack) -> None:
    before = platform.sql("SELECT count(*) FROM jobs")
    missing = {"kind": "test.stamp", "params": {"text": "a", "picture": new_id("art")}}
    answer = submit_all(platform, [*stamps(3), missing])
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert answer.json()["field"] == "jobs.3.params.picture"
    callback = {**stamps(1)[0], "callback": {"url": "https://hooks.example.com/"}}
    answer = submit_all(platform, [*stamps(1), callback])
    assert (answer.status_code, answer.json()["field"]) == (422, "jobs.1.callback")
    assert platform.sql("SELECT count(*) FROM jobs") == before


def test_a_checkpoint_that_was_not_measured_is_named_with_its_job(platform: Stack) -> None:
    job = ended(platform, submit(platform, "test.stamp", {"text": "weights"})["id"])
    checkpoint = new_id("ckp")
    platform.sql(
        """INSERT INTO checkpoints (id, tenant_id, name, family, flavor, weights_sha256, config, job_id)
           VALUES (%s, %s, 'mine', 'flowmini', 'tiny', %s, '{}', %s)""",
        [checkpoint, platform.tenants["first"], job["result"]["artifact"]["sha256"], job["id"]],
    )
    drawing = {"kind": "generate.text_to_image", "params": {"prompts": ["a"], "checkpoint": checkpoint}}
    answer = submit_all(platform, [*stamps(1), drawing])
    assert (answer.status_code, answer.json()["code"]) == (409, "checkpoint_not_measured")
    assert answer.json()["field"] == "jobs.1.params.checkpoint"


@pytest.mark.parametrize("count", [0, 1001])
def test_there_are_one_to_a_thousand_jobs(platform: Stack, count: int) -> None:
    answer = submit_all(platform, stamps(count))
    assert (answer.status_code, answer.json()["code"]) == (422, "value_out_of_range")
    assert answer.json()["errors"][0]["field"] == "jobs"


def test_a_thousand_jobs_ring_a_few_bells_and_wait_in_one_commit(stack: Stack) -> None:
    stack.start_gateway()
    jobs = [{"kind": "test.stamp", "params": {"text": "x" * 1000}} for _ in range(1000)]
    answer = submit_all(stack, jobs)
    assert answer.status_code == 202, answer.text
    assert stack.sql("SELECT count(*), count(DISTINCT xmin::text) FROM jobs") == [(1000, 1)]
    eventually(lambda: stack.sql("SELECT count(*) FROM outbox") == [(0,)], "the bells are rung")
    import redis

    with redis.Redis.from_url(stack.settings.redis_url) as client:
        assert client.llen("impasto:test") == MOST_BELLS


def test_without_redis_the_bells_stay_in_the_outbox(stack: Stack) -> None:
    stack.environment["IMPASTO_REDIS_URL"] = "redis://127.0.0.1:1/0"
    stack.start_gateway()
    assert submit_all(stack, stamps(MOST_BELLS + 4)).status_code == 202
    assert stack.sql("SELECT queue, count(*) FROM outbox GROUP BY queue") == [("test", MOST_BELLS)]


def test_the_same_key_answers_the_same_jobs_and_another_body_is_refused(platform: Stack) -> None:
    headers = {"Idempotency-Key": new_id("req")}
    first = submit_all(platform, stamps(4), headers=headers)
    again = submit_all(platform, stamps(4), headers=headers)
    assert first.status_code == again.status_code == 202
    ids = [job["id"] for job in first.json()["items"]]
    assert [job["id"] for job in again.json()["items"]] == ids
    for other in (
        submit_all(platform, stamps(3), headers=headers),
        ask(platform, "POST", "/v1/jobs", json=stamps(1)[0], headers=headers),
    ):
        assert (other.status_code, other.json()["code"]) == (422, "idempotency_mismatch")
    theirs = submit_all(platform, stamps(4), headers=headers, tenant="second").json()["items"]
    assert not {job["id"] for job in theirs} & set(ids)
    # The other way round: the key of a single job.
    headers = {"Idempotency-Key": new_id("req")}
    assert ask(platform, "POST", "/v1/jobs", json=stamps(1)[0], headers=headers).status_code == 202
    mixed = submit_all(platform, stamps(1), headers=headers)
    assert (mixed.status_code, mixed.json()["code"]) == (422, "idempotency_mismatch")


def test_the_same_call_from_many_sides_at_once_is_one(stack: Stack) -> None:
    stack.start_gateway()
    stack.key("first")
    together, headers = threading.Barrier(8), {"Idempotency-Key": "all-at-once"}

    def send(_: int) -> list[str]:
        together.wait()
        return [job["id"] for job in submit_all(stack, stamps(20), headers=headers).json()["items"]]

    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(send, range(8)))
    assert all(answer == answers[0] for answer in answers)
    assert stack.sql("SELECT count(*) FROM jobs") == [(20,)]


def test_what_a_tenant_submits_is_seen_by_nobody_else(platform: Stack) -> None:
    job = submit_all(platform, stamps(1), tenant="second").json()["items"][0]["id"]
    assert ask(platform, "GET", f"/v1/jobs/{job}").status_code == 404
    assert look(platform, job, tenant="second")["id"] == job
    # A reference to another tenant's job is a reference to nothing.
    params = {"text": "a", "picture": new_id("art")}
    assert submit_all(platform, [{"kind": "test.stamp", "params": params}]).status_code == 404
