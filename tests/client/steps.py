"""Flows performed by hand: a test says what came of each step and sees which steps were asked for."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from impasto.client.flow import Answer, Emit, Flow, Step

JOB_ID = "job_" + "0" * 26


def perform(flow: Flow[Any], outcomes: Iterable[Any]) -> tuple[Any, list[Step], list[Any]]:
    """The flow's value, its steps but for what it emits, and what it emits. Outcomes answer the steps in order."""
    coming, steps, emitted, got = iter(outcomes), [], [], None
    try:
        while True:
            step = flow.send(got)
            got = None
            if isinstance(step, Emit):
                emitted.append(step.value)
                continue
            steps.append(step)
            got = next(coming)
    except StopIteration as end:
        return end.value, steps, emitted


def answer(body: Any, status: int = 200, **headers: str) -> Answer:
    """A JSON answer."""
    return Answer(status, {name.replace("_", "-"): value for name, value in headers.items()}, json.dumps(body).encode())


def job(state: str = "succeeded", **changes: Any) -> dict[str, Any]:
    """A job's record as the gateway writes it."""
    return {
        "id": JOB_ID,
        "kind": "generate.upscale",
        "state": state,
        "params": {},
        "attempts": 1,
        "cancel_requested": False,
        "created_at": "2026-01-02T03:04:05Z",
        **changes,
    }


def event(number: int, what: str) -> bytes:
    """An event as the gateway frames it."""
    data = {"job_id": JOB_ID, "number": number, "type": what, "occurred_at": "2026-01-02T03:04:05Z"}
    return f"id: {number}\nevent: {what}\ndata: {json.dumps(data)}\n\n".encode()


def progress(fraction: float) -> bytes:
    """A progress event."""
    return f"event: progress\ndata: {json.dumps({'fraction': fraction})}\n\n".encode()
