"""Jobs that failed or were canceled are tried again, one or many: linked, once each, with all that was theirs."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from impasto.identifiers import new_id
from impasto.testing.stacks import Stack
from tests.asking import ask, ended, look, submit


@pytest.fixture
def gateway(stack: Stack) -> Stack:
    """A gateway alone: no worker takes what is submitted."""
    stack.start_gateway()
    return stack


def failed(stack: Stack, code: str = "worker_lost", *, tenant: str = "first", **options: Any) -> str:
    """A job that was given up."""
    job_id: str = submit(stack, "test.stamp", {"text": "lost"}, tenant=tenant, **options)["id"]
    stack.sql(
        """UPDATE jobs SET state = 'failed', finished_at = now(),
               error = jsonb_build_object('code', %s::text, 'message', 'given up') WHERE id = %s""",
        [code, job_id],
    )
    return job_id


def retry(stack: Stack, job_id: str, **rest: Any) -> httpx.Response:
    return ask(stack, "POST", f"/v1/jobs/{job_id}/retry", **rest)


def retry_many(stack: Stack, **body: Any) -> httpx.Response:
    return ask(stack, "POST", "/v1/jobs/retry", json=body)


def test_a_failed_job_is_tried_again_as_a_linked_new_one(platform: Stack) -> None:
    params = {"text": "wrong", "then": "refuse"}
    first = ended(platform, submit(platform, "test.stamp", params, priority=3)["id"])
    answer = retry(platform, first["id"])
    assert answer.status_code == 202, answer.text
    second = answer.json()
    assert (second["retry_of"], second["params"], second["kind"]) == (first["id"], first["params"], first["kind"])
    assert answer.headers["location"] == f"/v1/jobs/{second['id']}"
    assert ended(platform, second["id"])["error"]["code"] == "training_diverged"
    assert look(platform, first["id"]) == first
    assert retry(platform, first["id"]).json()["id"] == second["id"]
    third = retry(platform, second["id"]).json()
    assert third["retry_of"] == second["id"]
    told = platform.sql("SELECT data FROM job_events WHERE job_id = %s AND number = 1", [third["id"]])
    assert told == [({"kind": "test.stamp", "retry_of": second["id"]},)]


def test_only_what_ended_without_a_result_is_tried_again(gateway: Stack) -> None:
    job = submit(gateway, "test.stamp", {"text": "x"})["id"]
    early = retry(gateway, job)
    assert (early.status_code, early.json()["code"]) == (409, "job_not_finished")
    ask(gateway, "POST", f"/v1/jobs/{job}/cancel")
    assert retry(gateway, job).json()["state"] == "queued"
    done = submit(gateway, "test.stamp", {"text": "x"})["id"]
    gateway.sql("UPDATE jobs SET state = 'succeeded', finished_at = now(), result = '{}' WHERE id = %s", [done])
    late = retry(gateway, done)
    assert (late.status_code, late.json()["code"]) == (409, "job_succeeded")


def test_a_retry_has_all_that_its_job_had(gateway: Stack) -> None:
    first = failed(gateway, priority=4, deadline_s=1000, start_by_s=500)
    gateway.sql("UPDATE jobs SET (created_at, finish_by, start_by) = "
                "(created_at - interval '1 h', finish_by - interval '1 h', start_by - interval '1 h')")  # fmt: skip
    second = retry(gateway, first).json()["id"]
    of_its_own = (
        "{id,created_at,run_after,finish_by,start_by,finished_at,error,error_code,state,retry_of,request_sha256,"
        "last_event}"
    )
    row = "SELECT to_jsonb(jobs) - %s::text[] FROM jobs WHERE id = %s"
    assert gateway.sql(row, [of_its_own, first]) == gateway.sql(row, [of_its_own, second])
    left = "SELECT extract(epoch FROM finish_by - now())::float, extract(epoch FROM start_by - now())::float FROM jobs"
    ((end_s, start_s),) = gateway.sql(f"{left} WHERE id = %s", [second])
    assert (900 < end_s <= 1000, 400 < start_s <= 500) == (True, True)


def test_a_callback_goes_with_its_job(gateway: Stack) -> None:
    callback = {"url": "https://8.8.8.8/hook", "events": ["job.failed"]}
    first = failed(gateway, callback=callback)
    second = retry(gateway, first).json()["id"]
    endpoint = "SELECT url, lane, events, secret, state FROM webhook_endpoints WHERE job_id = %s"
    assert gateway.sql(endpoint, [second]) == gateway.sql(endpoint, [first]) != []


def test_however_many_ask_at_once_a_job_has_one_retry(gateway: Stack) -> None:
    job, together = failed(gateway), threading.Barrier(8)

    def send(_: int) -> str:
        together.wait()
        made: str = retry(gateway, job).json()["id"]
        return made

    with ThreadPoolExecutor(8) as threads:
        assert len(set(threads.map(send, range(8)))) == 1
    assert gateway.sql("SELECT count(*) FROM jobs WHERE retry_of = %s", [job]) == [(1,)]


def test_many_are_tried_again_in_their_order_or_none(gateway: Stack) -> None:
    jobs = [failed(gateway) for _ in range(3)]
    queued = submit(gateway, "test.stamp", {"text": "x"})["id"]
    for wrong, status, code in ((queued, 409, "job_not_finished"), (new_id("job"), 404, "not_found")):
        answer = retry_many(gateway, jobs=[*jobs, wrong])
        assert (answer.status_code, answer.json()["code"]) == (status, code)
        assert wrong in answer.json()["detail"]
    assert gateway.sql("SELECT count(*) FROM jobs WHERE retry_of IS NOT NULL") == [(0,)]
    early = retry(gateway, jobs[1]).json()["id"]
    answer = retry_many(gateway, jobs=[*reversed(jobs), jobs[0]])
    assert answer.status_code == 202, answer.text
    assert [job["retry_of"] for job in answer.json()["items"]] == jobs[::-1]
    assert answer.json()["items"][1]["id"] == early
    assert answer.json()["more"] is False


def test_dead_letters_are_listed_by_their_code_and_tried_again_once(gateway: Stack) -> None:
    lost = [failed(gateway) for _ in range(3)]
    failed(gateway, "out_of_memory")
    theirs = failed(gateway, tenant="second")
    listed = ask(gateway, "GET", "/v1/jobs?state=failed&code=worker_lost").json()["items"]
    assert [job["id"] for job in listed] == lost[::-1]
    assert ask(gateway, "GET", "/v1/jobs?state=canceled&code=worker_lost").json()["items"] == []
    retry(gateway, lost[1])
    assert retry_many(gateway, code="worker_lost", kind="generate.upscale").json() == {"items": [], "more": False}
    made = retry_many(gateway, code="worker_lost", kind="test.stamp").json()
    assert ([job["retry_of"] for job in made["items"]], made["more"]) == ([lost[0], lost[2]], False)
    assert retry_many(gateway, code="worker_lost").json()["items"] == []
    assert gateway.sql("SELECT count(*) FROM jobs WHERE retry_of = %s", [theirs]) == [(0,)]


def test_a_thousand_at_once_and_it_is_told_that_there_are_more(gateway: Stack) -> None:
    jobs = [{"kind": "test.stamp", "params": {"text": "x"}}] * 1000
    ask(gateway, "POST", "/v1/jobs/bulk", json={"jobs": jobs})
    ask(gateway, "POST", "/v1/jobs/bulk", json={"jobs": jobs[:5]})
    gateway.sql("UPDATE jobs SET state = 'failed', finished_at = now(), error = '{\"code\": \"runner_killed\"}'")
    answers = [retry_many(gateway, code="runner_killed").json() for _ in range(3)]
    assert [(len(answer["items"]), answer["more"]) for answer in answers] == [(1000, True), (5, False), (0, False)]


@pytest.mark.parametrize("body", [{}, {"jobs": [], "code": None}, {"jobs": ["job_1"]}, {"code": "A B"}, {"kind": "a"},
                                  {"jobs": ["job_" + "0" * 26], "code": "worker_lost"},
                                  {"jobs": ["job_" + "0" * 26], "kind": "test.stamp"}])  # fmt: skip
def test_one_way_to_say_which_and_no_other(platform: Stack, body: dict[str, Any]) -> None:
    assert retry_many(platform, **body).status_code == 422
