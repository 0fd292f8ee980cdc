"""Pipelines over HTTP: jobs that feed one another, on the whole platform."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest

from impasto.identifiers import new_id
from impasto.testing.processes import eventually
from impasto.testing.stacks import Stack
from tests.asking import ask, ended, look, submit
from tests.piping.asking import accepted, over, seen, send, stamp, states, told


def test_what_a_step_made_is_what_the_next_one_takes(platform: Stack) -> None:
    steps = {
        "last": stamp("c", source="$steps.second.artifact"),
        "second": stamp("b", source="$steps.first.artifact", priority=3),
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
    assert second["params"]["source"] == f"sha256:{first['result']['artifact']['sha256']}"
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
        "after_large": stamp("a", source="$steps.large.artifact"),
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
        "on": stamp("o", source="$steps.apart.artifact"),
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
        "wrong": stamp("w", then="refuse", source="$steps.good.artifact"),
        "last": stamp("l", after=["wrong"]),
    }
    first = over(platform, accepted(platform, steps))
    # Whatever was wrong is put right meanwhile.
    platform.sql(
        'UPDATE jobs SET params = params || \'{"then": "succeed"}\' WHERE id = %s', [first["steps"]["wrong"]["job_id"]]
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
    steps = {"b": stamp("b", source="$steps.a.artifact", **{"if": "a.artifact.size_bytes > 0"}), "a": stamp("a")}
    answer = send(platform, steps, dry_run=True)
    assert answer.status_code == 200, answer.text
    plan = answer.json()
    for step in plan["steps"]:
        del step["estimate"]  # it depends on what this platform has run before
    assert (plan["dry_run"], [step["name"] for step in plan["steps"]]) == (True, ["a", "b"])
    assert plan["steps"][1] == {
        "name": "b", "kind": "test.stamp", "queue": "test", "needs": ["a"],
        "takes": {"source": "$steps.a.artifact"}, "if": "a.artifact.size_bytes > 0",
    }  # fmt: skip
    assert len(plan["checks"]) == 5
    assert platform.sql("SELECT (SELECT count(*) FROM jobs), (SELECT count(*) FROM pipelines)") == before


def test_a_dry_run_tells_how_long_steps_have_taken_so_far(platform: Stack) -> None:
    for number in range(6):
        ended(platform, submit(platform, "test.stamp", {"text": str(number)})["id"])
    steps = {"a": stamp("a"), "b": stamp("b", source="$steps.a.artifact")}
    for step in send(platform, steps, dry_run=True).json()["steps"]:
        run_s, start_in_s = step["estimate"]["run_s"], step["estimate"]["start_in_s"]
        assert 0 <= run_s["p10"] <= run_s["p90"] < 60
        assert 0 <= start_in_s["p10"] <= start_in_s["p90"]


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


def test_canceling_ends_what_waits_and_what_runs_and_nothing_more_begins(platform: Stack, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    gate.touch()
    steps = {
        "done": stamp("d"),
        "runs": stamp("r", after=["done"], gate=str(gate), pause_at="compute"),
        "waits": stamp("w", source="$steps.runs.artifact"),
    }
    pipeline_id = accepted(platform, steps)
    eventually(gate.with_suffix(".compute").exists, "the second step computes")
    answer = ask(platform, "POST", f"/v1/pipelines/{pipeline_id}/cancel")
    assert (answer.status_code, answer.json()["cancel_requested"]) == (202, True)
    # Asking again changes nothing, whether or not it has ended meanwhile.
    assert ask(platform, "POST", f"/v1/pipelines/{pipeline_id}/cancel").status_code in (202, 409)
    done = over(platform, pipeline_id)
    assert (done["state"], states(done)) == (
        "canceled", {"done": "succeeded", "runs": "canceled", "waits": "canceled"},
    )  # fmt: skip
    assert done["steps"]["waits"]["job_id"] is None
    log = told(platform, pipeline_id)
    assert (log.count("pipeline.cancel_requested"), log[-1]) == (1, "pipeline.canceled")
    late = ask(platform, "POST", f"/v1/pipelines/{pipeline_id}/cancel")
    assert (late.status_code, late.json()["code"]) == (409, "pipeline_already_finished")
    gate.unlink()
    ask(platform, "POST", f"/v1/pipelines/{pipeline_id}/resume")
    again = over(platform, pipeline_id)
    assert (again["state"], set(states(again).values())) == ("succeeded", {"succeeded"})
    assert again["steps"]["done"]["job_id"] == done["steps"]["done"]["job_id"]


def test_a_job_that_was_tried_again_by_itself_is_not_run_a_third_time(platform: Stack) -> None:
    first = over(platform, accepted(platform, {"a": stamp("a", then="refuse"), "b": stamp("b", after=["a"])}))
    lost = first["steps"]["a"]["job_id"]
    platform.sql('UPDATE jobs SET params = params || \'{"then": "succeed"}\' WHERE id = %s', [lost])
    retried = ended(platform, ask(platform, "POST", f"/v1/jobs/{lost}/retry").json()["id"])
    assert retried["pipeline_id"] is None
    ask(platform, "POST", f"/v1/pipelines/{first['id']}/resume")
    done = over(platform, first["id"])
    assert (done["state"], done["steps"]["a"]["job_id"]) == ("succeeded", retried["id"])
    assert platform.sql("SELECT count(*) FROM jobs WHERE retry_of = %s", [lost]) == [(1,)]


def test_a_step_whose_job_is_canceled_by_itself_fails_the_pipeline(platform: Stack, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    gate.touch()
    pipeline_id = accepted(
        platform, {"a": stamp("a", gate=str(gate), pause_at="compute"), "b": stamp("b", after=["a"])}
    )
    eventually(gate.with_suffix(".compute").exists, "the first step computes")
    ask(platform, "POST", f"/v1/jobs/{seen(platform, pipeline_id)['steps']['a']['job_id']}/cancel")
    done = over(platform, pipeline_id)
    assert (done["state"], states(done)) == ("failed", {"a": "canceled", "b": "skipped"})
    gate.unlink()


def test_what_others_give_is_checked_when_it_is_there(platform: Stack) -> None:
    """That an artifact is no picture is known once there is one; then its step fails, and no job is made."""
    steps = {"a": stamp("a"), "b": stamp("b", picture="$steps.a.artifact"), "c": stamp("c", after=["b"])}
    done = over(platform, accepted(platform, steps))
    assert (done["state"], states(done)) == ("failed", {"a": "succeeded", "b": "failed", "c": "skipped"})
    reason = done["steps"]["b"]["reason"]
    assert (reason["code"], reason["field"], done["steps"]["b"]["job_id"]) == (
        "image_unrecognised", "params.picture", None,
    )  # fmt: skip
    assert "step.failed b" in told(platform, done["id"])
    ask(platform, "POST", f"/v1/pipelines/{done['id']}/resume")
    again = over(platform, done["id"])
    assert (again["state"], again["steps"]["a"]["job_id"]) == ("failed", done["steps"]["a"]["job_id"])


def test_a_type_that_can_never_fit_is_refused_beforehand(platform: Stack) -> None:
    steps = {"a": stamp("a"), "b": stamp("b", pause_at="$steps.a.artifact.media_type")}
    answer = send(platform, steps)
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "steps.b.params.pause_at")


def test_a_fault_names_its_place_and_nothing_is_kept(platform: Stack) -> None:
    before = platform.sql("SELECT (SELECT count(*) FROM jobs), (SELECT count(*) FROM pipelines)")
    faults = {
        "kind_unknown": ({"a": {"kind": "no.such", "params": {}}}, "steps.a.kind"),
        "field_missing": ({"a": {"kind": "test.stamp", "params": {}}}, "steps.a.params.text"),
        "field_unknown": ({"a": {**stamp(), "colour": 1}}, "steps.a.colour"),
        "value_out_of_range": ({"a": stamp("x" * 1001)}, "steps.a.params.text"),
        "step_unknown": ({"a": stamp(source="$steps.b.artifact")}, "steps.a.params.source"),
        "reference_invalid": ({"a": stamp(), "b": stamp(picture="$steps.a.picture")}, "steps.b.params.picture"),
        "condition_invalid": ({"a": stamp(), "b": stamp(**{"if": "a.loss <"})}, "steps.b.if"),
        "steps_cyclic": ({"a": stamp(after=["b"]), "b": stamp(after=["a"])}, "steps.a"),
    }
    for code, (steps, field) in faults.items():
        problem = send(platform, steps).json()
        assert (problem["status"], problem["code"], problem["errors"][0]["field"]) == (422, code, field)
    missing = send(platform, {"a": stamp(), "b": stamp(picture=new_id("art"))})
    assert (missing.status_code, missing.json()["field"]) == (404, "steps.b.params.picture")
    assert platform.sql("SELECT (SELECT count(*) FROM jobs), (SELECT count(*) FROM pipelines)") == before


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"name": "n", "steps": {}}, "steps"),
        ({"name": "n", "steps": {f"s{n}": stamp() for n in range(51)}}, "steps"),
        ({"name": "", "steps": {"a": stamp()}}, "name"),
        ({"name": "a\u0000b", "steps": {"a": stamp()}}, "name"),
        ({"name": "n", "steps": {"A b": stamp()}}, "steps.A b.[key]"),
        ({"name": "n", "steps": {"a": {**stamp(), "if": "x" * 501}}}, "steps.a.if"),
        ({"name": "n", "steps": []}, "steps"),
    ],
)
def test_there_are_one_to_fifty_steps_with_names(platform: Stack, body: dict[str, Any], field: str) -> None:
    answer = ask(platform, "POST", "/v1/pipelines", json=body)
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, field), answer.text


def test_fifty_steps_are_accepted_and_run(platform: Stack) -> None:
    steps = {"s0": stamp("0")} | {f"s{n}": stamp(str(n), after=[f"s{n - 1}"] if n % 10 else []) for n in range(1, 50)}
    done = over(platform, accepted(platform, steps))
    assert done["steps_by_state"] == {"succeeded": 50}
    told(platform, done["id"])


def test_params_deeper_than_any_kind_s_are_refused(platform: Stack) -> None:
    deep: Any = "x"
    for _ in range(200):
        deep = [deep]
    answer = send(platform, {"a": stamp(gate=deep)})
    assert (answer.status_code, answer.json()["code"]) == (422, "value_invalid")


def test_the_stream_tells_every_event_once_with_progress_and_resumes(platform: Stack, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    gate.touch()
    second = stamp("b", after=["a"], gate=str(gate), pause_at="compute")
    path = f"/v1/pipelines/{accepted(platform, {'a': stamp('a'), 'b': second})}/events"
    lines: list[str] = []
    key = {"Authorization": f"Bearer {platform.api_key}"}
    with httpx.stream("GET", platform.url + path, headers=key, timeout=60, trust_env=False) as stream:
        for line in stream.iter_lines():
            lines.append(line)
            if line == "event: progress":
                gate.unlink(missing_ok=True)
    numbers = [int(line[4:]) for line in lines if line.startswith("id: ")]
    assert numbers == list(range(1, len(told(platform, path.split("/")[3])) + 1))
    progress = lines[lines.index("event: progress") + 1]
    assert '"step":"b"' in progress
    assert '"fraction":0.5' in progress
    rest = ask(platform, "GET", path, headers={"Last-Event-ID": "5"}).text
    assert [int(line[4:]) for line in rest.splitlines() if line.startswith("id: ")] == numbers[5:]


def test_a_quota_refuses_a_pipeline_whole_and_lets_one_that_was_accepted_go_on(platform: Stack) -> None:
    platform.key("capped")
    tenant = platform.tenants["capped"]
    steps = {"a": stamp("a"), "b": stamp("b", after=["a"])}
    pipeline_id = accepted(platform, steps, tenant="capped")
    platform.sql("UPDATE tenants SET queued_cap = 0 WHERE id = %s", [tenant])
    refused = send(platform, steps, tenant="capped")
    assert (refused.status_code, refused.json()["code"]) == (403, "quota_exceeded")
    ended_so = "SELECT state FROM pipelines WHERE tenant_id = %s AND finished_at IS NOT NULL"
    eventually(lambda: platform.sql(ended_so, [tenant]) == [("succeeded",)], f"{pipeline_id} goes on")
    assert platform.sql("SELECT count(*) FROM pipelines WHERE tenant_id = %s", [tenant]) == [(1,)]


def test_another_tenant_sees_nothing_of_a_pipeline(platform: Stack) -> None:
    pipeline_id = accepted(platform, {"a": stamp("a")})
    for method, rest in (("GET", ""), ("GET", "/events"), ("POST", "/cancel"), ("POST", "/resume")):
        answer = ask(platform, method, f"/v1/pipelines/{pipeline_id}{rest}", tenant="second")
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found"), rest
    job = over(platform, pipeline_id)["steps"]["a"]["job_id"]
    digest = f"sha256:{look(platform, job)['result']['artifact']['sha256']}"
    theirs = send(platform, {"a": stamp(picture=digest)}, tenant="second")
    assert (theirs.status_code, theirs.json()["field"]) == (404, "steps.a.params.picture")
