"""Due times become jobs: one each, however many look, and a refusal stops nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import redis

from impasto.backends.bells import KEY_PREFIX, Bells
from impasto.backends.cron import CronCalendar
from impasto.backends.postgres.pools import api_pool
from impasto.backends.postgres.scheduling import PostgresScheduling, Ran
from impasto.identifiers import new_id
from impasto.testing.processes import eventually
from impasto.testing.stacks import Stack
from impasto_reconciler.scheduler import Scheduler
from tests.asking import ask

_JOB = {"kind": "test.stamp", "params": {"text": "x"}}


@pytest.fixture
def made(stack: Stack) -> Stack:
    stack.key("first"), stack.key("second")
    stack.start_gateway()
    return stack


def create(stack: Stack, name: str = "nightly", tenant: str = "first", **changes: Any) -> dict[str, Any]:
    body = {"name": name, "cron": "0 3 * * *", "job": _JOB} | changes
    if "at" in changes:
        del body["cron"]
    answer = ask(stack, "POST", "/v1/schedules", tenant=tenant, json=body)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


def show(stack: Stack, schedule: dict[str, Any], tenant: str = "first") -> dict[str, Any]:
    found: dict[str, Any] = ask(stack, "GET", f"/v1/schedules/{schedule['id']}", tenant=tenant).json()
    return found


def overdue(stack: Stack, schedule: dict[str, Any], by: str = "1 second") -> None:
    """Its time has come so long ago."""
    stack.sql("UPDATE schedules SET next_at = now() - %s::interval WHERE id = %s", [by, schedule["id"]])


def run_all(stack: Stack, replicas: int = 1) -> list[Ran]:
    """What so many reconcilers do about what is due, at the same moment."""

    async def one() -> list[Ran]:
        found = []
        async with api_pool(stack.settings.engine_database_url, most=1) as pool:
            scheduling = PostgresScheduling(pool, CronCalendar)
            while ran := await scheduling.run_one():
                found.append(ran)
        return found

    async def main() -> list[Ran]:
        return [ran for some in await asyncio.gather(*(one() for _ in range(replicas))) for ran in some]

    return asyncio.run(main())


def jobs(stack: Stack, tenant: str = "first") -> int:
    return int(stack.sql("SELECT count(*) FROM jobs WHERE tenant_id = %s", [stack.tenants[tenant]])[0][0])


def test_a_due_time_becomes_one_job_with_event_and_bell_however_many_reconcilers_look(made: Stack) -> None:
    schedules = [create(made, f"s{number}") for number in range(12)]
    for schedule in schedules:
        overdue(made, schedule)
    ran = run_all(made, replicas=4)
    assert sorted(each.schedule_id for each in ran) == sorted(each["id"] for each in schedules)
    assert {each.outcome for each in ran} == {"submitted"}
    assert jobs(made) == 12
    assert made.sql("SELECT count(*) FROM outbox") == [(12,)]
    assert made.sql("SELECT count(*) FROM job_events WHERE type = 'job.queued'") == [(12,)]
    found = show(made, schedules[0])
    assert datetime.fromisoformat(found["next_at"]) > datetime.now(UTC)
    assert [(run["outcome"], run["job_id"]) for run in found["runs"]] == [("submitted", found["last_job_id"])]
    assert ask(made, "GET", f"/v1/jobs/{found['last_job_id']}").json()["params"]["text"] == "x"
    assert run_all(made) == []


def test_a_time_that_was_met_is_never_met_again(made: Stack) -> None:
    schedule = create(made, at=(datetime.now(UTC) + timedelta(hours=1)).isoformat())
    overdue(made, schedule)
    assert [ran.outcome for ran in run_all(made)] == ["submitted"]
    ended = show(made, schedule)
    assert (ended["state"], ended["next_at"], ended["upcoming"]) == ("ended", None, [])
    # As if a restored copy of the row, or a fault, had brought the time back.
    made.sql(
        """UPDATE schedules SET state = 'active', next_at = (SELECT due_at FROM schedule_runs WHERE schedule_id = %s)
           WHERE id = %s""",
        [schedule["id"], schedule["id"]],
    )
    run_all(made)
    assert jobs(made) == 1


def test_a_job_that_is_refused_is_told_and_the_next_time_comes(made: Stack) -> None:
    refused, goes = create(made, "refused"), create(made, "goes")
    ask(made, "PATCH", "/v1/tenants/first/limits", json={"queued": 0})
    for schedule in (refused, goes):
        overdue(made, schedule)
    assert [ran.outcome for ran in run_all(made)] == ["failed", "failed"]
    assert jobs(made) == 0
    told = show(made, refused)
    assert (told["state"], told["last_error"]["code"], told["last_error"]["limit"]) == ("active", "quota_exceeded", 0)
    ask(made, "PATCH", "/v1/tenants/first/limits", json={"queued": None})
    overdue(made, refused)
    run_all(made)
    told = show(made, refused)
    assert told["last_error"] is None
    assert [run["outcome"] for run in told["runs"]] == ["submitted", "failed"]


def test_what_a_job_names_is_looked_for_again_among_the_tenant_s_own_things(made: Stack) -> None:
    artwork = new_id("art")
    made.sql(
        """INSERT INTO artifacts (tenant_id, sha256, media_type, size_bytes, published_at)
           VALUES (%s, 'x', 'x', 1, now())""",
        [made.tenants["second"]],
    )
    made.sql(
        """INSERT INTO artworks (id, tenant_id, upload_sha256, sha256, media_type, width, height, size_bytes, file_name,
               caption, title, artist, date, medium, subject, collection, licence, consent, provenance)
           VALUES (%s, %s, 'x', 'x', 'x', 1, 1, 1, '', '', '', '', '', '', '', '', '', '', '')""",
        [artwork, made.tenants["second"]],
    )
    job = {"kind": "test.stamp", "params": {"text": "x", "picture": artwork}}
    body = {"name": "theirs", "cron": "@daily", "job": job}
    assert ask(made, "POST", "/v1/schedules", json=body).status_code == 404, "not the first tenant's"
    schedule = create(made, tenant="second", job=job)
    made.sql("UPDATE schedules SET tenant_id = %s WHERE id = %s", [made.tenants["first"], schedule["id"]])
    overdue(made, schedule)
    assert [(ran.outcome, (ran.error or {}).get("code")) for ran in run_all(made)] == [("failed", "not_found")]


@pytest.mark.parametrize(
    ("job", "code"),
    [
        ({"kind": "test.gone", "params": {}}, "kind_unknown"),
        ({"kind": "test.stamp", "params": {"text": 1, "old": True}}, "value_invalid"),
        ({"kind": "test.stamp", "params": {"text": "x"}, "deadline_s": "soon"}, "internal_error"),
    ],
)
def test_a_job_that_this_version_does_not_know_is_told_and_does_not_stop_others(
    made: Stack, job: dict[str, Any], code: str
) -> None:
    old, other = create(made, "old"), create(made, "other")
    from psycopg.types.json import Jsonb

    made.sql("UPDATE schedules SET job = %s WHERE id = %s", [Jsonb(job), old["id"]])
    overdue(made, old, "2 seconds")
    overdue(made, other)
    assert [(ran.outcome, (ran.error or {}).get("code")) for ran in run_all(made)] == [
        ("failed", code), ("submitted", None),
    ]  # fmt: skip


def test_a_schedule_that_may_not_overlap_waits_for_the_end_of_its_last_job(made: Stack) -> None:
    schedule = create(made, overlap="skip")
    overdue(made, schedule, "3 hours")
    run_all(made)
    overdue(made, schedule, "1 second")
    assert [(ran.outcome, (ran.error or {})["code"]) for ran in run_all(made)] == [("skipped", "job_not_finished")]
    assert jobs(made) == 1
    ask(made, "POST", f"/v1/jobs/{show(made, schedule)['last_job_id']}/cancel")
    overdue(made, schedule, "0 seconds")
    assert [ran.outcome for ran in run_all(made)] == ["submitted"]


def test_paused_it_submits_nothing_and_resumed_it_goes_on_with_what_comes(made: Stack) -> None:
    schedule = create(made)
    path = f"/v1/schedules/{schedule['id']}"
    paused = ask(made, "POST", f"{path}/pause").json()
    assert (paused["state"], paused["next_at"]) == ("paused", None)
    assert run_all(made) == []
    resumed = ask(made, "POST", f"{path}/resume").json()
    assert resumed["state"] == "active"
    assert resumed["next_at"] == schedule["next_at"]
    assert ask(made, "POST", f"{path}/resume").json()["next_at"] == schedule["next_at"]
    assert ask(made, "DELETE", path).status_code == 204
    assert ask(made, "GET", path).status_code == 404


def test_an_ended_schedule_cannot_be_resumed(made: Stack) -> None:
    schedule = create(made, at=(datetime.now(UTC) + timedelta(hours=1)).isoformat())
    overdue(made, schedule)
    run_all(made)
    answer = ask(made, "POST", f"/v1/schedules/{schedule['id']}/resume")
    assert (answer.status_code, answer.json()["code"]) == (409, "schedule_ended")


def test_another_tenant_sees_and_changes_nothing_of_a_schedule(made: Stack) -> None:
    schedule = create(made)
    path = f"/v1/schedules/{schedule['id']}"
    for method, place in (("GET", path), ("POST", f"{path}/pause"), ("POST", f"{path}/resume"), ("DELETE", path)):
        answer = ask(made, method, place, tenant="second")
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found"), place
    assert ask(made, "GET", "/v1/schedules", tenant="second").json()["items"] == []
    create(made, tenant="second"), "a name is taken by its tenant alone"
    assert show(made, schedule)["state"] == "active"


@pytest.mark.parametrize(
    ("changes", "code", "field"),
    [
        ({"cron": "61 * * * *"}, "value_invalid", "cron"),
        ({"timezone": "Mars/Olympus"}, "value_invalid", "timezone"),
        ({"cron": None}, "value_invalid", "body"),
        ({"at": "2020-01-01T00:00:00Z", "cron": None}, "value_out_of_range", "at"),
        ({"at": "9999-12-31T23:59:59-23:00", "cron": None}, "value_out_of_range", "at"),
        ({"at": "0001-01-01T00:00:00+23:00", "cron": None}, "value_out_of_range", "at"),
        ({"name": ""}, "value_out_of_range", "name"),
        ({"job": {"kind": "test.none", "params": {}}}, "kind_unknown", "job.kind"),
        ({"job": {"kind": "test.stamp", "params": {}}}, "field_missing", "job.params.text"),
        ({"job": _JOB | {"callback": {"url": "https://example.com"}}}, "field_unknown", "job.callback"),
        ({"job": _JOB | {"start_after_s": 60, "deadline_s": 30}}, "value_invalid", "job"),
    ],
)
def test_a_schedule_that_makes_no_sense_is_refused_at_its_place(
    platform: Stack, changes: dict[str, Any], code: str, field: str
) -> None:
    body = {"name": "wrong", "cron": "@daily", "job": _JOB} | changes
    answer = ask(platform, "POST", "/v1/schedules", json=body)
    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (422, code), answer.text
    assert problem.get("field") or problem["errors"][0]["field"] == field


def test_a_name_is_taken_once_and_a_time_without_a_zone_is_one_of_its_time_zone(platform: Stack) -> None:
    made = create(platform, "at home", at="2030-07-01T18:00", timezone="America/New_York")
    assert datetime.fromisoformat(made["next_at"]) == datetime(2030, 7, 1, 22, tzinfo=UTC)
    body = {"name": "at home", "cron": "@daily", "job": _JOB}
    answer = ask(platform, "POST", "/v1/schedules", json=body)
    assert (answer.status_code, answer.json()["code"]) == (409, "name_taken")
    daily = create(platform, "daily", cron="0 6 * * *", timezone="Asia/Tokyo")
    assert len(daily["upcoming"]) == 5
    assert {datetime.fromisoformat(time).hour for time in daily["upcoming"]} == {21}
    for schedule in (made, daily):
        ask(platform, "DELETE", f"/v1/schedules/{schedule['id']}")


@pytest.fixture
def scheduler(made: Stack) -> Iterator[Scheduler]:
    running = Scheduler(made.settings.engine_database_url, Bells(made.settings.redis_url))
    running.start()
    yield running
    running.stop()


def test_the_reconciler_meets_a_time_and_rings_at_once(made: Stack, scheduler: Scheduler) -> None:
    server = redis.Redis.from_url(made.settings.redis_url)
    server.flushdb()
    create(made, at=(datetime.now(UTC) + timedelta(seconds=1.5)).isoformat())
    eventually(lambda: server.llen(KEY_PREFIX + "test") == 1, "a bell is rung")
    eventually(lambda: made.sql("SELECT count(*) FROM outbox") == [(0,)], "it is rung only once")
    ((late,),) = made.sql("SELECT extract(epoch FROM created_at - due_at)::float8 FROM schedule_runs")
    assert late >= 0


def test_clients_make_look_at_pause_and_remove_schedules(platform: Stack) -> None:
    from impasto_test_kinds import Stamp

    client = platform.client()
    made = client.schedules.create("by sdk", Stamp(text="x"), {"cron": "@weekly"}, {"priority": 3})
    assert made.job == {"kind": "test.stamp", "params": Stamp(text="x").model_dump(), "priority": 3} | {
        name: value for name, value in made.job.items() if value is None
    }
    assert [each.id for each in client.schedules.list() if each.name == "by sdk"] == [made.id]
    assert client.schedules.pause(made.id).state == "paused"
    assert client.schedules.resume(made.id).next_at == made.next_at
    client.schedules.remove(made.id)
    assert [each.id for each in client.schedules.list() if each.name == "by sdk"] == []
