"""A pipeline is counted against the quotas of its tenant as its jobs are."""

from __future__ import annotations

from impasto.testing.stacks import Stack
from tests.asking import ask
from tests.piping.asking import send, stamp


def test_a_pipeline_is_refused_whole_where_its_steps_are_too_many(stack: Stack) -> None:
    stack.start_gateway()
    tenant = stack.tenants.get("first") or (stack.key("first") and stack.tenants["first"])
    limited = ask(stack, "PATCH", f"/v1/tenants/{tenant}/limits", json={"queued": 2})
    assert limited.status_code == 200, limited.text
    second = {"a": stamp("a"), "b": stamp("b", source="$steps.a.artifact")}
    for third in (stamp("c"), stamp("c", source="$steps.b.artifact")):  # at once, or when it is its turn
        refused = send(stack, {**second, "c": third})
        assert (refused.status_code, refused.json()["code"]) == (403, "quota_exceeded")
    assert stack.sql("SELECT (SELECT count(*) FROM pipelines), (SELECT count(*) FROM jobs)") == [(0, 0)]
    assert send(stack, second).status_code == 202
