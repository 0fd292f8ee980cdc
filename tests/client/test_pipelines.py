"""Pipelines by both clients, against a scripted server and on a whole platform."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from impasto import AsyncClient, Client
from impasto.client.flow import Broken
from impasto.client.pipelines import following, waiting
from impasto.errors import Conflict, InvalidInput, JobFailed, NotFound
from impasto.identifiers import new_id
from impasto.pipelines.records import PipelineEvent, StepProgress
from impasto.testing.stacks import Stack
from tests.client.steps import answer, perform
from tests.piping.asking import stamp

_ID = "pip_" + "0" * 26


def _event(number: int, kind: str) -> bytes:
    told = {"pipeline_id": _ID, "number": number, "type": kind, "occurred_at": "2026-01-01T00:00:00Z"}
    return f"id: {number}\nevent: {kind}\ndata: {PipelineEvent(**told).model_dump_json()}\n\n".encode()


def _record(state: str) -> dict[str, Any]:
    return {
        "id": _ID, "name": "n", "state": state, "cancel_requested": False, "steps_by_state": {}, "steps": [],
        "created_at": "2026-01-01T00:00:00Z",
    }  # fmt: skip


def test_an_end_that_was_resumed_does_not_end_the_watch() -> None:
    log = _event(1, "pipeline.failed") + _event(2, "pipeline.resumed") + _event(3, "pipeline.succeeded")
    _, steps, emitted = perform(following(_ID), [answer({}), log, b""])
    assert [told.number for told in emitted] == [1, 2, 3]
    assert len(steps) == 3


def test_a_stream_that_broke_after_the_last_event_is_opened_once_more_and_ends() -> None:
    cut = Broken("cut", "http://x")
    outcomes = [answer({}), _event(1, "pipeline.succeeded"), cut, answer(_record("succeeded")), None, answer({}), b""]
    record, _, _ = perform(waiting(_ID), [*outcomes, answer(_record("succeeded"))])
    assert record.state == "succeeded"


def test_a_pipeline_is_planned_submitted_followed_and_read(platform: Stack) -> None:
    steps = {"a": stamp("a"), "b": stamp("b", source="$steps.a.artifact")}
    with Client(platform.url, platform.api_key) as client:
        plan = client.pipelines.plan("two", steps)
        assert [(step.name, step.takes) for step in plan.steps] == [("a", {}), ("b", {"source": "$steps.a.artifact"})]
        key = new_id("req")
        made = client.pipelines.submit("two", steps, idempotency_key=key)
        assert client.pipelines.submit("two", steps, idempotency_key=key).id == made.id
        heard: list[PipelineEvent] = []
        record = made.wait(on_event=heard.append)
        assert (record.state, heard[-1].type) == ("succeeded", "pipeline.succeeded")
        again = list(client.pipelines.events(made.id, after=heard[-2].number))
        assert [told.number for told in again if isinstance(told, PipelineEvent)] == [heard[-1].number]
        assert made.id in [one.id for one in client.pipelines.list(state="succeeded", limit=5)]
        with pytest.raises(Conflict, match="has succeeded"):
            client.pipelines.resume(made.id)
        with pytest.raises(NotFound):
            client.pipelines.get(_ID)


def test_a_pipeline_that_failed_says_which_step_and_why(platform: Stack) -> None:
    with Client(platform.url, platform.api_key) as client:
        made = client.pipelines.submit("wrong", {"a": stamp("a", then="refuse"), "b": stamp("b", after=["a"])})
        with pytest.raises(JobFailed, match="a: the loss became infinite") as failure:
            made.wait()
        assert (failure.value.code, failure.value.data["step"]) == ("training_diverged", "a")
        assert made.resume().state == "running"
        with pytest.raises(JobFailed):
            made.wait()
        with pytest.raises(InvalidInput) as refused:
            client.pipelines.submit("wrong", {"a": stamp("a", after=["b"])})
        assert refused.value.code == "step_unknown"


def test_the_asynchronous_client_does_the_same(platform: Stack) -> None:
    async def go() -> None:
        async with AsyncClient(platform.url, platform.api_key) as client:
            made = await client.pipelines.submit("two", {"a": stamp("a"), "b": stamp("b", after=["a"])})
            assert (await made.wait(timeout=60)).state == "succeeded"
            told = [event async for event in made.events() if not isinstance(event, StepProgress)]
            assert [event.number for event in told] == list(range(1, len(told) + 1))
            assert [one.id async for one in client.pipelines.list(limit=1)] == [made.id]

    asyncio.run(go())
