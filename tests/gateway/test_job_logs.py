"""A job's log over the API: readable while it runs, its last lines shown with a failure, for its tenant alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from impasto.testing.processes import eventually
from impasto.testing.stacks import Stack
from tests.asking import ask, ended, submit


def messages(stack: Stack, job_id: str, after: int = 0) -> list[str]:
    answer = ask(stack, "GET", f"/v1/jobs/{job_id}/logs?after={after}")
    assert answer.status_code == 200, answer.text
    return [line["message"] for line in answer.json()["items"]]


def test_a_log_is_read_while_its_job_runs(platform: Stack, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    gate.touch()
    job_id = submit(platform, "test.stamp", {"text": "x", "gate": str(gate), "pause_at": "compute"})["id"]
    eventually(lambda: messages(platform, job_id) == ["stamping"], "the first line comes while it runs")
    assert ask(platform, "GET", f"/v1/jobs/{job_id}").json()["state"] == "running"
    assert messages(platform, job_id, after=1) == []
    gate.unlink()
    job = ended(platform, job_id)
    assert (job["state"], job["log_tail"]) == ("succeeded", None)


@pytest.mark.parametrize(
    ("then", "code", "attempts"), [("refuse", "training_diverged", 1), ("raise", "internal_error", 1)]
)
def test_a_failed_job_keeps_its_last_lines_and_quotes_nobody(
    platform: Stack, then: str, code: str, attempts: int
) -> None:
    words = "words of a customer"
    job_id = submit(platform, "test.stamp", {"text": words, "then": then})["id"]
    job = ended(platform, job_id)
    tail = job["log_tail"]
    assert (job["state"], job["error"]["code"], tail[-1]["message"]) == ("failed", code, f"failed: {code}")
    assert (tail[-1]["level"], tail[-1]["attempt"]) == ("error", attempts)
    assert [line["number"] for line in tail] == list(range(1, len(tail) + 1))
    assert words not in str(tail)
    if then == "raise":
        # Where it was, of which type, and not in which words.
        assert any("RuntimeError (message withheld)" in line["message"] for line in tail)
        assert any("impasto_test_kinds.py" in line["message"] for line in tail)


def test_each_lost_attempt_is_told(platform: Stack) -> None:
    job_id = submit(platform, "test.stamp", {"text": "x", "then": "die"})["id"]
    tail = ended(platform, job_id)["log_tail"]
    assert [(line["attempt"], line["message"]) for line in tail if line["level"] == "warning"] == [
        (number, "given back: runner_lost") for number in (1, 2, 3)
    ]


def test_another_tenant_reads_nothing(platform: Stack) -> None:
    job_id = submit(platform, "test.stamp", {"text": "x"})["id"]
    assert ask(platform, "GET", f"/v1/jobs/{job_id}/logs", tenant="second").status_code == 404
    assert ask(platform, "GET", f"/v1/jobs/{job_id}/logs?after=-1").status_code == 422
    assert ask(platform, "GET", "/v1/jobs/job_none/logs").status_code in {404, 422}


def test_the_client_follows_a_log_to_the_job_s_end(platform: Stack) -> None:
    client = platform.client()
    job_id = submit(platform, "test.stamp", {"text": "x", "then": "refuse"})["id"]
    told = [line.message for line in client.jobs.follow_log(job_id)]
    assert told == ["stamping", "failed: training_diverged"]
    assert [line.message for line in client.jobs.log(job_id, after=1)] == told[1:]
