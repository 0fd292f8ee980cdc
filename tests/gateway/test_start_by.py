"""`start_by_s` over HTTP: what nobody starts in time fails, and whoever wants to know is told."""

from __future__ import annotations

from impasto.testing.stacks import Stack
from tests.asking import ask, ended, submit


def test_a_job_that_nobody_starts_in_time_fails_and_is_told(stack: Stack) -> None:
    stack.start_gateway()
    stack.start_reconciler()
    callback = {"url": "https://8.8.8.8/hook", "events": ["job.failed"]}
    params = {"text": "nobody is there"}
    late = submit(stack, "test.stamp", params, start_by_s=0.5, callback=callback)["id"]
    body = {"jobs": [{"kind": "test.stamp", "params": params, "start_by_s": 3600}]}
    (patient,) = ask(stack, "POST", "/v1/jobs/bulk", json=body).json()["items"]
    assert patient["start_by"]
    # Woken by the reconciler's news.
    answer = ask(stack, "GET", f"/v1/jobs/{late}", headers={"Prefer": "wait=15"}).json()
    assert (answer["state"], answer["error"]["code"]) == ("failed", "start_missed")
    told = stack.sql("SELECT data->'error' FROM webhook_events WHERE job_id = %s", [late])
    assert told == [({"code": "start_missed"},)]
    again = ask(stack, "POST", f"/v1/jobs/{late}/retry").json()
    assert again["start_by"]
    assert ended(stack, again["id"])["error"]["code"] == "start_missed"
    assert ask(stack, "GET", f"/v1/jobs/{patient['id']}").json()["state"] == "queued"


def test_a_job_that_is_started_in_time_runs_to_its_end(platform: Stack) -> None:
    job = submit(platform, "test.stamp", {"text": "in time"}, start_by_s=60)
    assert job["start_by"]
    assert ended(platform, job["id"])["state"] == "succeeded"
    for wrong in (0, -1, 31 * 86400):
        body = {"kind": "test.stamp", "params": {"text": "x"}, "start_by_s": wrong}
        answer = ask(platform, "POST", "/v1/jobs", json=body)
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "start_by_s")
