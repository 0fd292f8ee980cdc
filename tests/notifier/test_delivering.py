"""What is sent, to whom, and what follows from each answer: gateway, notifier, a receiver and nothing else."""

from __future__ import annotations

import base64
import json
import threading
from collections import Counter
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
import standardwebhooks

from impasto.testing.processes import eventually
from impasto.traces import trace_parent
from impasto.webhooks import MOST_BODY_BYTES
from tests.asking import submit
from tests.notifier.hooks import Hooks
from tests.notifier.receiver import Receiver, endless, reset, status

Receiving = Callable[..., Receiver]


def test_an_endpoint_is_challenged_before_it_is_told_anything(hooks: Hooks, receiving: Receiving) -> None:
    receiver = receiving()
    receiver.answers.append(status(500))
    made = hooks.add(receiver)
    assert made["endpoint"]["state"] == "pending"
    receiver.waits_for("webhook.ping")
    hooks.cancel_a_job()
    assert hooks.ended(1)[0]["error"] == "http_status"
    assert hooks.endpoint(made["endpoint"]["id"])["state"] == "pending"
    hooks.make_due()
    hooks.becomes(made["endpoint"]["id"], "active")
    told = hooks.cancel_a_job()
    assert [sent.event["data"]["job_id"] for sent in receiver.waits_for("job.canceled")] == [told]


def test_a_job_event_is_sent_signed_and_thin(hooks: Hooks, receiving: Receiving) -> None:
    receiver = receiving()
    secret = hooks.active(receiver, events=["job.*"])["secret"]
    trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    answer = hooks.ask(
        "POST", "/v1/jobs", json={"kind": "test.stamp", "params": {"text": "a red heart"}},
        headers={"traceparent": trace},
    )  # fmt: skip
    job_id = answer.json()["id"]
    hooks.ask("POST", f"/v1/jobs/{job_id}/cancel")
    (sent,) = receiver.waits_for("job.canceled")
    assert hooks.verified(secret, sent) == sent.event
    assert sent.event["data"] == {
        "job_id": job_id,
        "kind": "test.stamp",
        "state": "canceled",
        "sequence": 2,
        "occurred_at": sent.event["timestamp"],
        "url": f"/v1/jobs/{job_id}",
        "events_url": f"/v1/jobs/{job_id}/events",
        "error": {"code": "canceled"},
    }
    datetime.fromisoformat(sent.event["timestamp"])
    assert sent.headers["traceparent"] == trace
    assert sent.headers["content-type"] == "application/json"
    assert b"red heart" not in sent.body
    assert len(sent.body) < MOST_BODY_BYTES
    with pytest.raises(standardwebhooks.WebhookVerificationError):
        hooks.verified("whsec_" + base64.b64encode(b"another secret of 32 characters!").decode(), sent)


@pytest.mark.parametrize(
    "trace", ["00-über-01".encode("latin-1"), b"nonsense", b"00-" + b"0" * 32 + b"-" + b"0" * 16 + b"-01"]
)
def test_a_traceparent_of_another_form_is_as_none_and_a_trace_of_our_own_begins(
    hooks: Hooks, receiving: Receiving, trace: bytes
) -> None:
    receiver = receiving()
    hooks.active(receiver)
    asked = {"kind": "test.stamp", "params": {"text": "a"}}
    answer = hooks.ask("POST", "/v1/jobs", json=asked, headers={"traceparent": trace})
    assert answer.status_code == 202, answer.text
    hooks.ask("POST", f"/v1/jobs/{answer.json()['id']}/cancel")
    (sent,) = receiver.waits_for("job.canceled")
    assert trace_parent(sent.headers["traceparent"]) == sent.headers["traceparent"]
    assert sent.headers["traceparent"][3:35] == answer.json()["trace_id"]
    assert hooks.sql("SELECT traceparent FROM jobs WHERE tenant_id = %s") == [(sent.headers["traceparent"],)]


def test_only_the_events_that_an_endpoint_names_are_sent(hooks: Hooks, receiving: Receiving) -> None:
    wants, wants_not = receiving(), receiving()
    hooks.active(wants, events=["job.canceled"])
    hooks.active(wants_not, events=["artwork.*", "job.failed"])
    hooks.cancel_a_job()
    wants.waits_for("job.canceled")
    assert len(hooks.ended(3)) == 3
    assert [sent.type for sent in wants_not.got] == ["webhook.ping"]


def test_a_failed_attempt_is_followed_by_another_with_the_same_id_and_a_new_time(
    hooks: Hooks, receiving: Receiving
) -> None:
    receiver = receiving()
    secret = hooks.active(receiver)["secret"]
    receiver.answers += [status(500, body="not today"), reset, status(200)]
    hooks.cancel_a_job()
    for count in (1, 2):
        receiver.waits_for("job.canceled", count)
        hooks.ended(1 + count)
        hooks.make_due()
    sent = receiver.waits_for("job.canceled", 3)
    assert len({request.headers["webhook-id"] for request in sent}) == 1
    assert len({request.body for request in sent}) == 1
    assert all(hooks.verified(secret, request) for request in sent)
    *_, first, second, third = hooks.ended(4)
    assert [(d["attempt"], d["state"], d["status"], d["error"]) for d in (first, second, third)] == [
        (1, "failed", 500, "http_status"),
        (2, "failed", None, "connection_broken"),
        (3, "delivered", 200, None),
    ]
    assert first["response_head"] == "not today"


def test_the_next_attempt_waits_as_the_schedule_says_and_no_less_than_the_receiver_asks(
    hooks: Hooks, receiving: Receiving
) -> None:
    receiver = receiving()
    hooks.active(receiver)
    receiver.answers += [status(503, "Retry-After: 1000"), status(500)]

    def waiting_s() -> float:
        hooks.cancel_a_job()
        second = "FROM webhook_deliveries WHERE attempt = 2 AND tenant_id = %s"
        look = f"SELECT extract(epoch FROM next_at - now())::float8 {second}"
        rows = eventually(lambda: hooks.sql(look), "a second attempt waits")
        hooks.sql(f"DELETE {second}")
        return float(rows[0][0])

    assert 900 < waiting_s() <= 1000
    assert 0 < waiting_s() <= 5.5


def test_a_redirect_is_a_failure_and_is_not_followed(hooks: Hooks, receiving: Receiving) -> None:
    elsewhere, receiver = receiving(), receiving()
    hooks.active(receiver)
    receiver.answers.append(status(302, f"Location: {elsewhere.url}"))
    hooks.cancel_a_job()
    last = hooks.ended(2)[-1]
    assert (last["state"], last["status"], last["error"]) == ("failed", 302, "redirect")
    assert elsewhere.connections == 0


def test_an_endpoint_that_is_gone_is_disabled_and_can_be_enabled_again(hooks: Hooks, receiving: Receiving) -> None:
    receiver = receiving()
    endpoint_id = hooks.active(receiver)["endpoint"]["id"]
    receiver.answers.append(status(410))
    hooks.cancel_a_job()
    assert hooks.becomes(endpoint_id, "disabled")["disabled_reason"] == "gone"
    hooks.cancel_a_job()
    assert hooks.ask("POST", f"/v1/webhooks/{endpoint_id}/ping").json()["code"] == "webhook_disabled"
    again = hooks.ask("PATCH", f"/v1/webhooks/{endpoint_id}", json={"enabled": True})
    assert again.json()["state"] == "pending"
    hooks.becomes(endpoint_id, "active")
    assert len(receiver.of_type("job.canceled")) == 1


def test_an_endpoint_that_has_failed_for_five_days_is_disabled_and_a_success_ends_the_count(
    hooks: Hooks, receiving: Receiving
) -> None:
    receiver = receiving()
    endpoint_id = hooks.active(receiver)["endpoint"]["id"]
    long_ago = """UPDATE webhook_endpoints SET failing_since = now() - interval '121 hours',
                         failed_at = now() - interval '1 hour' WHERE tenant_id = %s"""
    hooks.sql(long_ago)
    hooks.cancel_a_job()
    eventually(lambda: hooks.endpoint(endpoint_id)["failing_since"] is None, "the success ends the count")
    hooks.sql(long_ago)
    receiver.answers.append(status(500))
    hooks.cancel_a_job()
    assert hooks.becomes(endpoint_id, "disabled")["disabled_reason"] == "failing"


def test_a_pause_drops_what_waits_however_short_it_is(hooks: Hooks, receiving: Receiving) -> None:
    receiver = receiving()
    endpoint_id = hooks.active(receiver)["endpoint"]["id"]
    receiver.answers += [status(503, "Retry-After: 1000")] * 3
    for _ in range(3):
        hooks.cancel_a_job()
    hooks.ended(4)
    place = f"/v1/webhooks/{endpoint_id}"
    assert hooks.ask("PATCH", place, json={"enabled": False}).json()["state"] == "disabled"
    # Looked at once: half a minute later they would be ended anyway.
    errors = Counter(delivery["error"] for delivery in hooks.deliveries())
    assert errors == {None: 1, "http_status": 3, "endpoint_disabled": 3}
    assert hooks.deliveries(state="waiting") == []
    assert hooks.ask("PATCH", place, json={"enabled": True}).json()["state"] == "pending"
    hooks.becomes(endpoint_id, "active")
    told = hooks.cancel_a_job()
    assert receiver.waits_for("job.canceled", 4)[-1].event["data"]["job_id"] == told
    assert len(receiver.of_type("job.canceled")) == 4


def test_an_attempt_under_way_when_its_endpoint_is_paused_is_the_last(hooks: Hooks, receiving: Receiving) -> None:
    receiver, gate = receiving(), threading.Event()
    endpoint_id = hooks.active(receiver)["endpoint"]["id"]
    receiver.answers.append(lambda connection: (gate.wait(20), status(500)(connection))[1])
    hooks.cancel_a_job()
    receiver.waits_for("job.canceled")
    hooks.ask("PATCH", f"/v1/webhooks/{endpoint_id}", json={"enabled": False})
    assert hooks.deliveries()[0]["error"] == "endpoint_disabled"
    hooks.ask("PATCH", f"/v1/webhooks/{endpoint_id}", json={"enabled": True})
    gate.set()
    hooks.becomes(endpoint_id, "active")
    hooks.cancel_a_job()
    receiver.waits_for("job.canceled", 2)
    assert [d["attempt"] for d in hooks.ended(4)] == [1, 1, 1, 1]
    assert hooks.deliveries(state="waiting") == []


def test_both_processes_say_loudly_that_webhooks_go_anywhere(hooks: Hooks) -> None:
    for process in hooks.stack.processes[:2]:
        assert "IMPASTO_WEBHOOK_ALLOW_PRIVATE IS SET" in process.log.read_text("utf-8")


def test_an_endless_answer_counts_by_its_status_and_is_not_read_to_the_end(hooks: Hooks, receiving: Receiving) -> None:
    receiver = receiving()
    hooks.active(receiver)
    receiver.answers.append(endless)
    hooks.cancel_a_job()
    last = hooks.ended(2)[-1]
    assert (last["state"], last["response_head"]) == ("delivered", "x" * 4096)


def test_while_a_secret_is_rotated_everything_carries_both_signatures(hooks: Hooks, receiving: Receiving) -> None:
    receiver = receiving()
    made = hooks.active(receiver)
    place = f"/v1/webhooks/{made['endpoint']['id']}"
    rotated = hooks.ask("POST", f"{place}/rotate", json={"overlap_s": 3600}).json()
    assert rotated["secret"] != made["secret"]
    hooks.cancel_a_job()
    (sent,) = receiver.waits_for("job.canceled")
    assert hooks.verified(made["secret"], sent) == hooks.verified(rotated["secret"], sent)
    hooks.ask("POST", f"{place}/rotate", json={"secret": made["secret"], "overlap_s": 0})
    hooks.cancel_a_job()
    sent = receiver.waits_for("job.canceled", 2)[-1]
    hooks.verified(made["secret"], sent)
    with pytest.raises(standardwebhooks.WebhookVerificationError):
        hooks.verified(rotated["secret"], sent)


def test_a_callback_is_told_of_its_own_job_alone(hooks: Hooks, receiving: Receiving) -> None:
    receiver = receiving()
    body = {"callback": {"url": receiver.url, "events": ["job.*"]}}
    asked: dict[str, Any] = {
        "json": {"kind": "test.stamp", "params": {"text": "a"}, **body},
        "headers": {"Idempotency-Key": "one"},
    }
    job = hooks.ask("POST", "/v1/jobs", **asked).json()
    assert hooks.ask("POST", "/v1/jobs", **asked).json() == job, "the same request has the same answer"
    hooks.cancel_a_job()
    hooks.ask("POST", f"/v1/jobs/{job['id']}/cancel")
    (sent,) = receiver.waits_for("job.canceled")
    assert sent.event["data"]["job_id"] == job["id"]
    assert hooks.verified(job["callback_secret"], sent)
    assert len(hooks.ended(1, job=job["id"])) == 1
    assert hooks.ask("GET", "/v1/webhooks").json()["items"] == []
    assert "callback_secret" not in hooks.ask("GET", f"/v1/jobs/{job['id']}").json()


def test_a_callback_may_bring_its_own_secret(hooks: Hooks, receiving: Receiving) -> None:
    receiver, secret = receiving(), "whsec_" + base64.b64encode(b"s" * 24).decode()
    job_id = hooks.cancel_a_job(callback={"url": receiver.url, "secret": secret})
    (sent,) = receiver.waits_for("job.canceled")
    assert hooks.verified(secret, sent)["data"]["job_id"] == job_id


def test_a_delivery_is_sent_again_on_demand(hooks: Hooks, receiving: Receiving) -> None:
    receiver = receiving()
    hooks.active(receiver)
    hooks.cancel_a_job()
    receiver.waits_for("job.canceled")
    delivery = hooks.ended(2)[-1]
    again = hooks.ask("POST", f"/v1/webhooks/deliveries/{delivery['id']}/replay")
    assert again.status_code == 202, again.text
    first, second = receiver.waits_for("job.canceled", 2)
    assert first.headers["webhook-id"] == second.headers["webhook-id"] == again.json()["event_id"]


def test_nothing_is_sent_to_an_endpoint_that_was_removed(hooks: Hooks, receiving: Receiving) -> None:
    receiver = receiving()
    endpoint_id = hooks.active(receiver)["endpoint"]["id"]
    receiver.answers.append(status(500))
    hooks.cancel_a_job()
    hooks.ended(2)
    assert hooks.ask("DELETE", f"/v1/webhooks/{endpoint_id}").status_code == 204
    assert hooks.ask("GET", f"/v1/webhooks/{endpoint_id}").status_code == 404
    hooks.make_due()
    hooks.cancel_a_job()
    other = receiving()
    hooks.active(other)
    hooks.cancel_a_job()
    other.waits_for("job.canceled")
    assert len(receiver.of_type("job.canceled")) == 1
    assert hooks.stack.sql("SELECT secret, previous_secret FROM webhook_endpoints WHERE id = %s", [endpoint_id]) == [
        (None, None)
    ]


def test_secrets_are_sealed_in_the_database(hooks: Hooks, receiving: Receiving) -> None:
    secret = hooks.active(receiving())["secret"]
    ((kept,),) = hooks.sql("SELECT secret FROM webhook_endpoints WHERE tenant_id = %s")
    raw = base64.b64decode(secret.removeprefix("whsec_"))
    assert raw not in bytes(kept)
    assert secret.encode() not in bytes(kept)


def test_a_submission_and_its_body_without_callback_are_as_ever(hooks: Hooks) -> None:
    job = submit(hooks.stack, "test.stamp", {"text": "a"}, tenant=hooks.tenant)
    assert job["callback_secret"] is None
    assert json.dumps(job)
