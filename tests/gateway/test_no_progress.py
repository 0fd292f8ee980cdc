"""`no_progress_s`: a job asks how long its computation may tell nothing, instead of what its kind allows."""

from __future__ import annotations

from typing import Any

import pytest

from impasto.submission import request_digest
from impasto.testing.processes import eventually
from impasto.testing.stacks import Stack
from tests.asking import ask, ended, look, submit

_STAMP: dict[str, Any] = {"kind": "test.stamp", "params": {"text": "x"}}
_REQUEUED = "SELECT data->>'cause' FROM job_events WHERE type = 'job.requeued' AND job_id = %s"


def test_a_job_may_ask_for_less_or_more_time_without_progress_than_its_kind_allows(stack: Stack) -> None:
    stack.environment["TEST_STAMP_NO_PROGRESS_S"] = "3"
    stack.start_gateway()
    stack.start_worker("w", ["test"], slots=1)
    silent = submit(stack, "test.stamp", {"text": "silent", "seconds": 12}, no_progress_s=40)
    assert silent["no_progress_s"] == 40
    # The kind's three seconds would have ended it twice over by now.
    job = ended(stack, silent["id"], most_s=90)
    assert (job["state"], job["attempts"]) == ("succeeded", 1)


def test_a_job_that_asks_for_less_is_taken_as_hung_sooner(platform: Stack) -> None:
    hanging = submit(platform, "test.stamp", {"text": "x", "then": "hang"}, no_progress_s=10)["id"]
    eventually(lambda: platform.sql(_REQUEUED, [hanging]) != [], "it is given back", most_s=60)
    assert platform.sql(_REQUEUED, [hanging])[0] == ("no_progress",)
    ask(platform, "POST", f"/v1/jobs/{hanging}/cancel")
    assert ended(platform, hanging)["state"] == "canceled"


@pytest.mark.parametrize("wrong", [0, 9.9, 86401, "soon"])
def test_a_time_out_of_its_bounds_is_refused_at_its_place(platform: Stack, wrong: object) -> None:
    job = _STAMP | {"no_progress_s": wrong}
    code = "value_invalid" if wrong == "soon" else "value_out_of_range"
    for path, body, field in (
        ("/v1/jobs", job, "no_progress_s"),
        ("/v1/jobs/bulk", {"jobs": [_STAMP, job]}, "jobs.1.no_progress_s"),
        ("/v1/pipelines", {"name": "p", "steps": {"a": job}}, "steps.a.no_progress_s"),
        ("/v1/schedules", {"name": "s", "cron": "@daily", "job": job}, "job.no_progress_s"),
    ):
        answer = ask(platform, "POST", path, json=body)
        (fault,) = answer.json()["errors"]
        assert (answer.status_code, fault["code"], fault["field"]) == (422, code, field), path


def test_it_goes_with_jobs_in_bulk_with_retries_and_with_the_steps_of_pipelines(platform: Stack) -> None:
    given = _STAMP | {"no_progress_s": 77}
    bulk = ask(platform, "POST", "/v1/jobs/bulk", json={"jobs": [given, _STAMP]}).json()["items"]
    assert [job["no_progress_s"] for job in bulk] == [77, None]
    failed = submit(platform, "test.stamp", {"text": "x", "then": "raise"}, no_progress_s=77)["id"]
    ended(platform, failed)
    assert ask(platform, "POST", f"/v1/jobs/{failed}/retry").json()["no_progress_s"] == 77
    steps = {"a": given, "b": _STAMP | {"after": ["a"]}}
    made = ask(platform, "POST", "/v1/pipelines", json={"name": "p", "steps": steps}).json()
    assert [step["no_progress_s"] for step in made["steps"]] == [77, None]
    assert look(platform, made["steps"][0]["job_id"])["no_progress_s"] == 77


def test_jobs_that_ask_for_none_have_the_digest_that_they_always_had(platform: Stack) -> None:
    alone = ask(platform, "POST", "/v1/jobs", json=_STAMP, headers={"Idempotency-Key": "alone"}).json()
    several = {"jobs": [_STAMP, _STAMP]}
    (first, _) = ask(platform, "POST", "/v1/jobs/bulk", json=several, headers={"Idempotency-Key": "several"}).json()[
        "items"
    ]
    # As these bodies were written out before there was such a field.
    before = _STAMP | {"params": alone["params"], "priority": 0, "deadline_s": None}
    one = before | {"start_by_s": None, "callback": None, "require_worker": False}
    stored = platform.sql(
        "SELECT request_sha256 FROM jobs WHERE id IN (%s, %s) ORDER BY id", [alone["id"], first["id"]]
    )
    assert [bytes(row[0]) for row in stored] == [request_digest(before), request_digest({"jobs": [one, one]})]


def test_what_asks_for_none_has_the_digest_that_it_always_had(platform: Stack) -> None:
    headers = {"Idempotency-Key": "as-before"}
    made = ask(platform, "POST", "/v1/pipelines", json={"name": "p", "steps": {"a": _STAMP}}, headers=headers).json()
    step = _STAMP | {"if": None, "after": [], "priority": 0}
    before = request_digest({"name": "p", "steps": {"a": step}, "dry_run": False})
    stored = platform.sql("SELECT request_sha256 FROM pipelines WHERE id = %s", [made["id"]])
    assert [bytes(row[0]) for row in stored] == [before]
