"""Pipelines over HTTP: jobs that feed one another, on the whole platform."""

from __future__ import annotations

from typing import Any

import httpx

from impasto.identifiers import new_id
from impasto.testing.processes import eventually
from impasto.testing.stacks import Stack
from tests.asking import ask, ended, look


def stamp(text: str = "x", **more: Any) -> dict[str, Any]:
    """A step of the plug-in's kind; `picture`, `then` and the like are its params."""
    own = {name: more.pop(name) for name in ("if", "after", "priority") if name in more}
    return {"kind": "test.stamp", "params": {"text": text, **more}, **own}


def send(stack: Stack, steps: dict[str, Any], *, tenant: str = "first", **rest: Any) -> httpx.Response:
    headers = rest.pop("headers", {})
    body = {"name": "stamps", "steps": steps, **rest}
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


def test_what_a_step_made_is_what_the_next_one_takes(platform: Stack) -> None:
    steps = {
        "last": stamp("c", picture="$steps.second.artifact"),
        "second": stamp("b", picture="$steps.first.artifact", priority=3),
        "first": stamp("a"),
    }
    answer = send(platform, steps)
    assert answer.status_code == 202, answer.text
    made = answer.json()
    assert answer.headers["location"] == f"/v1/pipelines/{made['id']}"
    assert [step["name"] for step in made["steps"]] == ["first", "second", "last"]
    assert (made["state"], made["steps"][0]["state"], made["steps"][1]["state"]) == ("queued", "queued", "waiting")
    done = over(platform, made["id"])
    assert (done["state"], done["steps_by_state"]) == ("succeeded", {"succeeded": 3})
    assert told(platform, made["id"]) == [
        "pipeline.queued", "step.queued first", "pipeline.started", "step.started first", "step.succeeded first",
        "step.queued second", "step.started second", "step.succeeded second",
        "step.queued last", "step.started last", "step.succeeded last", "pipeline.succeeded",
    ]  # fmt: skip
    first, second = (look(platform, done["steps"][name]["job_id"]) for name in ("first", "second"))
    assert second["params"]["picture"] == f"sha256:{first['result']['artifact']['sha256']}"
    assert second["pipeline_id"] == made["id"]
    assert platform.sql("SELECT priority FROM jobs WHERE id = %s", [second["id"]]) == [(3,)]


def test_a_step_begins_in_the_commit_that_ends_the_one_before(platform: Stack) -> None:
    done = over(platform, accepted(platform, {"a": stamp("a"), "b": stamp("b", after=["a"])}))
    (a,), (b,) = (
        platform.sql(f"SELECT {column} FROM jobs WHERE id = %s", [done["steps"][name]["job_id"]])
        for column, name in (("finished_at", "a"), ("created_at", "b"))
    )
    assert a == b, "one transaction has one time"


def test_a_condition_that_holds_lets_its_step_run_and_another_skips_it_and_what_needs_it(platform: Stack) -> None:
    steps = {
        "measure": stamp("four"),
        "small": stamp("s", **{"if": "measure.artifact.size_bytes < 100 and measure.artifact.size_bytes > 2"}),
        "large": stamp("l", **{"if": "measure.artifact.size_bytes >= 100"}),
        "after_large": stamp("a", picture="$steps.large.artifact"),
    }
    done = over(platform, accepted(platform, steps))
    assert done["state"] == "succeeded"
    assert states(done) == {
        "measure": "succeeded", "small": "succeeded", "large": "skipped", "after_large": "skipped",
    }  # fmt: skip
    assert done["steps"]["large"]["reason"] == {
        "code": "condition_false",
        "message": "measure.artifact.size_bytes >= 100 does not hold: measure.artifact.size_bytes is 4",
    }
    assert done["steps"]["after_large"]["reason"]["code"] == "needs_skipped"
    assert done["steps"]["large"]["job_id"] is None


def test_a_step_that_fails_ends_what_needs_it_while_the_rest_goes_on(platform: Stack) -> None:
    steps = {
        "wrong": stamp("w", then="refuse"),
        "needs_it": stamp("n", after=["wrong"]),
        "apart": stamp("a"),
        "on": stamp("o", picture="$steps.apart.artifact"),
    }
    done = over(platform, accepted(platform, steps))
    assert done["state"] == "failed"
    assert states(done) == {"wrong": "failed", "needs_it": "skipped", "apart": "succeeded", "on": "succeeded"}
    assert done["steps"]["wrong"]["reason"]["code"] == "training_diverged"
    assert done["steps"]["needs_it"]["reason"]["code"] == "needs_failed"
    assert told(platform, done["id"])[-1] == "pipeline.failed"


def test_resuming_keeps_what_succeeded_and_tries_the_rest_by_linked_jobs(platform: Stack) -> None:
    steps = {
        "good": stamp("g"),
        "wrong": stamp("w", then="refuse", picture="$steps.good.artifact"),
        "last": stamp("l", after=["wrong"]),
    }
    first = over(platform, accepted(platform, steps))
    # Whatever was wrong is put right meanwhile.
    platform.sql(
        "UPDATE jobs SET params = params || '{\"then\": \"succeed\"}' WHERE id = %s", [first["steps"]["wrong"]["job_id"]]
    )
    answer = ask(platform, "POST", f"/v1/pipelines/{first['id']}/resume")
    assert (answer.status_code, answer.json()["state"]) == (202, "running")
    done = over(platform, first["id"])
    assert (done["state"], set(states(done).values())) == ("succeeded", {"succeeded"})
    assert done["steps"]["good"]["job_id"] == first["steps"]["good"]["job_id"]
    again = look(platform, done["steps"]["wrong"]["job_id"])
    assert (again["retry_of"], again["pipeline_id"]) == (first["steps"]["wrong"]["job_id"], first["id"])
    assert "pipeline.resumed" in told(platform, first["id"])
    late = ask(platform, "POST", f"/v1/pipelines/{first['id']}/resume")
    assert (late.status_code, late.json()["code"]) == (409, "pipeline_succeeded")


def test_the_same_key_answers_the_same_pipeline_and_another_body_is_refused(platform: Stack) -> None:
    key = {"Idempotency-Key": new_id("req")}
    first = send(platform, {"a": stamp("once")}, headers=key).json()
    assert send(platform, {"a": stamp("once")}, headers=key).json()["id"] == first["id"]
    other = send(platform, {"a": stamp("twice")}, headers=key)
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_mismatch")
    ended(platform, first["steps"][0]["job_id"])


def test_a_dry_run_says_what_would_run_and_keeps_nothing(platform: Stack) -> None:
    before = platform.sql("SELECT (SELECT count(*) FROM jobs), (SELECT count(*) FROM pipelines)")
    steps = {"b": stamp("b", picture="$steps.a.artifact", **{"if": "a.artifact.size_bytes > 0"}), "a": stamp("a")}
    answer = send(platform, steps, dry_run=True)
    assert answer.status_code == 200, answer.text
    plan = answer.json()
    assert (plan["dry_run"], [step["name"] for step in plan["steps"]]) == (True, ["a", "b"])
    assert plan["steps"][1] == {
        "name": "b", "kind": "test.stamp", "queue": "test", "needs": ["a"],
        "takes": {"picture": "$steps.a.artifact"}, "if": "a.artifact.size_bytes > 0", "estimate": None,
    }  # fmt: skip
    assert len(plan["checks"]) == 5
    assert platform.sql("SELECT (SELECT count(*) FROM jobs), (SELECT count(*) FROM pipelines)") == before


def test_pipelines_are_listed_newest_first_by_state_and_by_page(platform: Stack) -> None:
    made = [accepted(platform, {"a": stamp(str(number))}) for number in range(3)]
    for pipeline_id in made:
        over(platform, pipeline_id)
    page = ask(platform, "GET", "/v1/pipelines?state=succeeded&limit=2").json()
    assert [item["id"] for item in page["items"]] == made[:0:-1]
    rest = ask(platform, "GET", f"/v1/pipelines?state=succeeded&limit=1&cursor={page['next_cursor']}").json()
    assert [item["id"] for item in rest["items"]] == made[:1]
    assert rest["items"][0]["steps_by_state"] == {"succeeded": 1}
    assert ask(platform, "GET", "/v1/pipelines", tenant="second").json()["items"] == []
