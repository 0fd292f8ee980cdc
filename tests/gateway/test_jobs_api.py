"""The jobs API against a real gateway, worker and servers."""

from __future__ import annotations

import json
import re
from pathlib import Path

import httpx
import pytest

from impasto.testing.processes import eventually
from impasto.testing.stacks import Stack
from tests.asking import ask, ended, look, submit


def test_a_submitted_job_is_accepted_run_and_told(platform: Stack) -> None:
    answer = ask(platform, "POST", "/v1/jobs", json={"kind": "test.stamp", "params": {"text": "hello"}})
    assert answer.status_code == 202
    assert answer.headers["location"] == f"/v1/jobs/{answer.json()['id']}"
    job = ended(platform, answer.json()["id"])
    assert job["state"] == "succeeded"
    assert job["attempts"] == 1
    artifact = ask(platform, "GET", f"/v1/artifacts/{job['result']['artifact']['sha256']}")
    assert artifact.text == "HELLO"
    assert artifact.headers["content-disposition"].startswith("attachment")


@pytest.mark.parametrize(
    ("body", "status", "code", "field"),
    [
        ({"kind": "generate.nothing", "params": {}}, 422, "kind_unknown", "kind"),
        ({"params": {}}, 422, "field_missing", "kind"),
        ({"kind": "test.stamp"}, 422, "field_missing", "params"),
        ({"kind": "test.stamp", "params": {"text": "a", "colour": 1}}, 422, "field_unknown", "params.colour"),
        ({"kind": "test.stamp", "params": {"text": 3}}, 422, "value_invalid", "params.text"),
        ({"kind": "test.stamp", "params": {"text": "a" * 1001}}, 422, "value_out_of_range", "params.text"),
        ({"kind": "test.stamp", "params": {"text": "a"}, "priority": 11}, 422, "value_out_of_range", "priority"),
        ({"kind": "test.stamp", "params": {"text": "a"}, "deadline_s": 0}, 422, "value_out_of_range", "deadline_s"),
        (
            {"kind": "generate.upscale", "params": {"picture": "sha256:" + "0" * 64, "factor": 3}},
            422,
            "value_invalid",
            "params.factor",
        ),
    ],
)
def test_a_fault_is_named_at_its_place(platform: Stack, body: object, status: int, code: str, field: str) -> None:
    answer = ask(platform, "POST", "/v1/jobs", json=body)
    problem = answer.json()
    assert (answer.status_code, problem["code"], problem["errors"][0]["field"]) == (status, code, field)
    assert answer.headers["content-type"] == "application/problem+json"
    assert problem["request_id"] == answer.headers["x-request-id"]


def test_a_body_over_the_limit_is_refused_with_and_without_a_declared_length(platform: Stack) -> None:
    def stream() -> object:
        for _ in range(3):
            yield b" " * 600_000

    for content in (b" " * 1_100_000, stream()):
        answer = ask(platform, "POST", "/v1/jobs", content=content, headers={"content-type": "application/json"})
        assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")


def test_params_that_name_a_thing_that_is_not_there_are_refused(platform: Stack) -> None:
    picture = "art_" + "0" * 26
    answer = ask(platform, "POST", "/v1/jobs", json={"kind": "test.stamp", "params": {"text": "a", "picture": picture}})
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert picture in answer.json()["detail"]


def test_the_same_key_answers_the_same_job_and_another_body_is_refused(platform: Stack) -> None:
    body = {"kind": "test.stamp", "params": {"text": "once"}}
    headers = {"Idempotency-Key": "the-same-key"}
    first = ask(platform, "POST", "/v1/jobs", json=body, headers=headers)
    again = ask(platform, "POST", "/v1/jobs", json=body, headers=headers)
    assert first.json()["id"] == again.json()["id"]
    other = ask(platform, "POST", "/v1/jobs", json={"kind": "test.stamp", "params": {"text": "two"}}, headers=headers)
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_mismatch")
    # Keys are a tenant's own.
    foreign = ask(platform, "POST", "/v1/jobs", json=body, headers=headers, tenant="second")
    assert foreign.json()["id"] != first.json()["id"]


def test_events_come_in_order_without_gaps_and_resume(platform: Stack) -> None:
    job_id = submit(platform, "test.stamp", {"text": "followed"})["id"]
    events = _events(platform, job_id)
    numbered = [event for event in events if event["event"] != "progress"]
    assert [event["event"] for event in numbered] == ["job.queued", "job.started", "job.succeeded"]
    assert [event["id"] for event in numbered] == ["1", "2", "3"]
    resumed = _events(platform, job_id, after=2)
    assert [event["id"] for event in resumed] == ["3"]


def test_a_queued_job_is_canceled_at_once_and_a_finished_one_stays_finished(stack: Stack) -> None:
    stack.start_gateway()
    job_id = submit(stack, "test.stamp", {"text": "never"})["id"]
    answer = ask(stack, "POST", f"/v1/jobs/{job_id}/cancel")
    assert (answer.status_code, answer.json()["state"]) == (202, "canceled")
    again = ask(stack, "POST", f"/v1/jobs/{job_id}/cancel")
    assert (again.status_code, again.json()["code"]) == (409, "job_already_finished")
    assert look(stack, job_id)["state"] == "canceled"


def test_a_running_job_is_canceled_and_its_runner_is_gone(platform: Stack, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    gate.touch()
    job_id = submit(platform, "test.stamp", {"text": "long", "gate": str(gate), "pause_at": "compute"})["id"]
    mark = gate.with_suffix(".compute")
    eventually(mark.exists, "the runner computes")
    runner = int(mark.read_text())
    assert ask(platform, "POST", f"/v1/jobs/{job_id}/cancel").json()["cancel_requested"] is True
    job = ended(platform, job_id, most_s=15)
    assert (job["state"], job["error"]["code"]) == ("canceled", "canceled")
    eventually(lambda: not Path(f"/proc/{runner}").exists(), "the runner is gone", 5)


def test_a_job_past_its_deadline_fails_with_that_reason(platform: Stack, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    gate.touch()
    params = {"text": "late", "gate": str(gate), "pause_at": "compute"}
    job_id = submit(platform, "test.stamp", params, deadline_s=1.0)["id"]
    job = ended(platform, job_id, most_s=15)
    assert (job["state"], job["error"]["code"]) == ("failed", "deadline_missed")


def test_lists_are_paged_newest_first(platform: Stack) -> None:
    ids = [submit(platform, "test.stamp", {"text": str(n)}, tenant="pages")["id"] for n in range(5)]
    seen: list[str] = []
    cursor = None
    while True:
        query = f"?limit=2{'&cursor=' + cursor if cursor else ''}"
        page = ask(platform, "GET", f"/v1/jobs{query}", tenant="pages").json()
        seen += [job["id"] for job in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert seen == ids[::-1]
    wrong = ask(platform, "GET", "/v1/jobs?cursor=%21%21")
    assert (wrong.status_code, wrong.json()["code"]) == (400, "cursor_invalid")


def test_health_and_metrics_answer(platform: Stack) -> None:
    for path in ("/livez", "/healthz", "/readyz", "/metrics", "/openapi.json", "/docs", "/v1"):
        assert httpx.get(platform.url + path, trust_env=False, timeout=30).status_code == 200, path
    assert "impasto_http_requests_total" in httpx.get(platform.url + "/metrics", trust_env=False).text


def test_the_api_s_own_pages_load_nothing_from_outside(platform: Stack) -> None:
    page = httpx.get(platform.url + "/docs", trust_env=False).text
    sources = re.findall(r"(?:src|href)=[\"']([^\"']+)", page)
    assert any(source.endswith(".js") for source in sources)
    for source in sources:
        assert source.startswith("/"), source
        assert httpx.get(platform.url + source, trust_env=False).status_code == 200, source


def _events(stack: Stack, job_id: str, after: int = 0) -> list[dict[str, str]]:
    answer = ask(stack, "GET", f"/v1/jobs/{job_id}/events", headers={"Last-Event-ID": str(after)})
    assert answer.headers["content-type"].startswith("text/event-stream")
    events = []
    for block in answer.text.strip().split("\n\n"):
        lines = dict(line.split(": ", 1) for line in block.splitlines() if not line.startswith(":"))
        if lines:
            assert json.loads(lines["data"])
            events.append(lines)
    return events
