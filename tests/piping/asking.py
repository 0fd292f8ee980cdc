"""Pipelines of the plug-in's kind, asked for over HTTP as any program would."""

from __future__ import annotations

from typing import Any

import httpx

from impasto.testing.processes import eventually
from impasto.testing.stacks import Stack
from tests.asking import ask


def stamp(text: str = "x", **more: Any) -> dict[str, Any]:
    """A step of the plug-in's kind; `picture`, `then` and the like are its params."""
    own = {name: more.pop(name) for name in ("if", "after", "priority") if name in more}
    return {"kind": "test.stamp", "params": {"text": text, **more}, **own}


def send(stack: Stack, steps: dict[str, Any], *, tenant: str = "first", **rest: Any) -> httpx.Response:
    headers = rest.pop("headers", {})
    body = {"name": "stamps", "steps": steps} | rest
    return ask(stack, "POST", "/v1/pipelines", tenant=tenant, json=body, headers=headers)


def accepted(stack: Stack, steps: dict[str, Any], **rest: Any) -> str:
    answer = send(stack, steps, **rest)
    assert answer.status_code == 202, answer.text
    pipeline_id: str = answer.json()["id"]
    return pipeline_id


def seen(stack: Stack, pipeline_id: str) -> dict[str, Any]:
    """The pipeline with its steps by name."""
    answer = ask(stack, "GET", f"/v1/pipelines/{pipeline_id}")
    assert answer.status_code == 200, answer.text
    pipeline: dict[str, Any] = answer.json()
    return {**pipeline, "steps": {step["name"]: step for step in pipeline["steps"]}}


def over(stack: Stack, pipeline_id: str, most_s: float = 60) -> dict[str, Any]:
    """The pipeline once it has ended."""

    def final() -> dict[str, Any] | None:
        pipeline = seen(stack, pipeline_id)
        return pipeline if pipeline["finished_at"] else None

    return eventually(final, f"{pipeline_id} ends", most_s)


def states(pipeline: dict[str, Any]) -> dict[str, str]:
    return {name: step["state"] for name, step in pipeline["steps"].items()}


def told(stack: Stack, pipeline_id: str) -> list[str]:
    """The log, each event with its step; its numbers have no gaps."""
    rows = stack.sql(
        "SELECT number, type, step FROM pipeline_events WHERE pipeline_id = %s ORDER BY number", [pipeline_id]
    )
    assert [number for number, _, _ in rows] == list(range(1, len(rows) + 1))
    return [name if step is None else f"{name} {step}" for _, name, step in rows]
