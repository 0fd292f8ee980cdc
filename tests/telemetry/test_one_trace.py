"""One job, from the request to the webhook: one trace, and one id on every process's log lines."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from impasto.testing.processes import eventually
from impasto.testing.stacks import Stack
from tests.asking import ask, ended, submit
from tests.notifier.receiver import Receiver
from tests.telemetry.collector import Collector, Seen

_CALLER = f"00-{'a1' * 16}-{'b2' * 8}-01"
# A word that is nowhere but in what customers send.
_MARK = "xylophonist"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.close()


@pytest.fixture
def told(stack: Stack, collector: Collector) -> Stack:
    """Gateway, worker and notifier, which say all there is to say."""
    stack.environment |= {
        "IMPASTO_TRACES_ENDPOINT": collector.url,
        "IMPASTO_LOG_FORMAT": "json",
        "IMPASTO_LOG_LEVEL": "DEBUG",
        "IMPASTO_WEBHOOK_ALLOW_PRIVATE": "1",
        "OTEL_BSP_SCHEDULE_DELAY": "200",
    }
    stack.start_gateway()
    stack.start_notifier()
    stack.start_worker("one", ["test"])
    return stack


def _job(stack: Stack, receiver: Receiver, headers: dict[str, str] | None = None) -> dict[str, Any]:
    callback = {"url": f"{receiver.url}/{_MARK}"}
    params = {"text": _MARK, "then": "log"}
    answer = ask(
        stack, "POST", "/v1/jobs", headers=headers or {},
        json={"kind": "test.stamp", "params": params, "callback": callback},
    )  # fmt: skip
    assert answer.status_code == 202, answer.text
    job: dict[str, Any] = answer.json()
    assert ended(stack, job["id"])["state"] == "succeeded"
    return job


def _lines(stack: Stack, service: str) -> list[dict[str, Any]]:
    """Of every process all that it wrote: a line that is no JSON object fails here."""
    found = [json.loads(line) for process in stack.processes for line in process.log.read_text("utf-8").splitlines()]
    return [line for line in found if line["service"] == service]


def _by_name(spans: list[Seen]) -> dict[str, Seen]:
    return {span.name: span for span in spans}


def test_a_job_is_one_trace_from_the_callers_span_to_the_webhook(
    told: Stack, collector: Collector, receiver: Receiver
) -> None:
    # The bells that a worker rings for itself when it starts are of no trace: they are spent on this one.
    ended(told, submit(told, "test.stamp", {"text": "first"})["id"])
    job = _job(told, receiver, {"traceparent": _CALLER})
    assert job["trace_id"] == "a1" * 16
    (sent,) = receiver.waits_for("job.succeeded")
    names = (
        "POST /v1/jobs", "INSERT jobs", "send test", "receive test.stamp", "process test.stamp", "compute",
        "S3/PutObject", "UPDATE jobs", "POST",
    )  # fmt: skip
    spans = _by_name(collector.has(job["trace_id"], *names))
    ids = {span.id: span.name for span in spans.values()}
    parents = {span.name: ids.get(span.parent, span.parent) for span in spans.values()}
    assert parents == {
        "POST /v1/jobs": "b2" * 8,
        "INSERT jobs": "POST /v1/jobs",
        "send test": "POST /v1/jobs",
        "receive test.stamp": "send test",
        "process test.stamp": "send test",
        "compute": "process test.stamp",
        "S3/PutObject": "process test.stamp",
        "UPDATE jobs": "process test.stamp",
        "POST": "POST /v1/jobs",
    }
    assert {span.service for span in spans.values()} == {"impasto-gateway", "impasto-worker", "impasto-notifier"}
    assert not any(span.failed for span in spans.values())
    # The receiver goes on from the attempt to send to it.
    assert sent.headers["traceparent"] == f"00-{job['trace_id']}-{spans['POST'].id}-01"


def test_spans_say_what_they_are_of_in_the_words_of_the_conventions(
    told: Stack, collector: Collector, receiver: Receiver
) -> None:
    job = _job(told, receiver)
    receiver.waits_for("job.succeeded")
    spans = _by_name(collector.has(job["trace_id"], "POST /v1/jobs", "process test.stamp", "UPDATE jobs", "POST"))
    asked = spans["POST /v1/jobs"].attributes
    assert asked["http.request.method"] == "POST"
    assert asked["http.route"] == "/v1/jobs"
    assert asked["http.response.status_code"] == 202
    assert spans["UPDATE jobs"].attributes["db.system.name"] == "postgresql"
    worked = spans["process test.stamp"].attributes
    assert worked["messaging.operation.type"] == "process"
    assert worked["impasto.attempt.ended"] == "succeeded"
    assert spans["POST"].attributes["http.response.status_code"] == 204
    about = ("POST /v1/jobs", "process test.stamp", "POST")
    assert {spans[name].attributes["impasto.job.id"] for name in about} == {job["id"]}


def test_every_process_has_the_jobs_id_and_its_trace_on_its_lines(told: Stack, receiver: Receiver) -> None:
    job = _job(told, receiver)
    receiver.waits_for("job.succeeded")
    for service in ("gateway", "worker", "runner", "notifier"):

        def line(service: str = service) -> dict[str, Any] | None:
            return next((line for line in _lines(told, service) if line.get("job_id") == job["id"]), None)

        found = eventually(line, f"a line of {service}")
        assert found["trace_id"] == job["trace_id"], found
        assert set(found) >= {"timestamp", "level", "logger", "event", "pid"}
    requests = [line for line in _lines(told, "gateway") if line.get("job_id") == job["id"]]
    assert all(line["request_id"].startswith("req_") for line in requests)
    assert {line["attempt"] for line in _lines(told, "runner") if line.get("job_id") == job["id"]} == {1}


def test_what_customers_send_is_in_no_line_and_in_no_span(
    told: Stack, collector: Collector, receiver: Receiver
) -> None:
    jobs = [_job(told, receiver)]
    # Errors are where such words get out: in the runner, and with a webhook that is refused.
    receiver.answers += 3 * [lambda connection: connection.close()]
    for then in ("raise", "log"):
        callback = {"url": f"{receiver.url}/{_MARK}"}
        jobs.append(submit(told, "test.stamp", {"text": _MARK, "then": then}, callback=callback))
        ended(told, jobs[-1]["id"])
    ask(told, "GET", f"/v1/jobs/{_MARK}")
    ask(told, "POST", "/v1/jobs", json={"kind": "test.stamp", "params": {"text": _MARK, _MARK: _MARK}})
    for job in jobs:
        collector.has(job["trace_id"], "process test.stamp", "UPDATE jobs", "POST")
    told.stop()  # what waited was sent: nothing can come after this
    texts: dict[Path | str, bytes] = {process.log: process.log.read_bytes() for process in told.processes}
    texts["spans"] = b"".join(collector.raw)
    assert len(texts["spans"]) > 1000
    assert [place for place, text in texts.items() if _MARK.encode() in text.lower()] == []
    keys = [*told.keys.values(), told.settings.s3_secret_key, told.settings.webhook_secret_key]
    assert [place for place, text in texts.items() for key in keys if key.encode() in text] == []


def test_what_waits_is_sent_when_a_process_is_told_to_stop(stack: Stack, collector: Collector) -> None:
    stack.environment |= {"IMPASTO_TRACES_ENDPOINT": collector.url, "OTEL_BSP_SCHEDULE_DELAY": "3600000"}
    stack.start_gateway()
    stack.start_worker("one", ["test"])
    job = submit(stack, "test.stamp", {"text": "a"})
    ended(stack, job["id"])
    assert collector.of_trace(job["trace_id"]) == []
    stack.stop()
    assert {span.service for span in collector.of_trace(job["trace_id"])} == {"impasto-gateway", "impasto-worker"}
