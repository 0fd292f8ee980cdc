"""Quotas of tenants: queued jobs, device seconds a day, storage; and who may look at and change them."""

from __future__ import annotations

import io
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import psycopg
import pytest
from PIL import Image

from impasto.errors import LimitExceeded
from impasto.identifiers import new_id
from impasto.testing.databases import DatabaseUrls
from impasto.testing.stacks import Stack
from tests.asking import ask, ended, submit

_BODY = {"kind": "test.stamp", "params": {"text": "x"}}


def limit(stack: Stack, tenant: str, **limits: Any) -> dict[str, Any]:
    answer = ask(stack, "PATCH", f"/v1/tenants/{tenant}/limits", json=limits)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def usage(stack: Stack, tenant: str) -> dict[str, Any]:
    answer = ask(stack, "GET", "/v1/usage", tenant=tenant)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def refused(answer: httpx.Response, quota: str) -> dict[str, Any]:
    problem: dict[str, Any] = answer.json()
    assert (answer.status_code, problem["code"], problem["quota"]) == (403, "quota_exceeded", quota), answer.text
    return problem


@pytest.fixture
def alone(stack: Stack) -> Stack:
    """A gateway without workers: what is queued stays queued."""
    stack.key("first"), stack.key("second")
    stack.start_gateway()
    return stack


def test_no_more_jobs_are_queued_than_may_be_however_many_submit_at_once(alone: Stack) -> None:
    limit(alone, "second", queued=7)
    with ThreadPoolExecutor(20) as threads:
        answers = list(threads.map(lambda _: ask(alone, "POST", "/v1/jobs", tenant="second", json=_BODY), range(40)))
    assert sorted(answer.status_code for answer in answers) == [202] * 7 + [403] * 33
    problem = refused(next(answer for answer in answers if answer.status_code == 403), "queued")
    assert (problem["limit"], problem["actual"]) == (7, 8)
    assert alone.sql("SELECT count(*) FROM jobs WHERE tenant_id = %s", [alone.tenants["second"]]) == [(7,)]
    assert alone.sql("SELECT count(*) FROM outbox") == [(0,)], "nothing is left of those that were refused"
    assert ask(alone, "POST", "/v1/jobs", json=_BODY).status_code == 202, "another tenant's quota is its own"
    assert usage(alone, "second")["used"]["queued"] == 7
    job = next(answer.json()["id"] for answer in answers if answer.status_code == 202)
    ask(alone, "POST", f"/v1/jobs/{job}/cancel", tenant="second")
    submit(alone, kind="test.stamp", params={"text": "x"}, tenant="second")
    refused(ask(alone, "POST", f"/v1/jobs/{job}/retry", tenant="second"), "queued")
    limit(alone, "second", queued=None)
    submit(alone, kind="test.stamp", params={"text": "x"}, tenant="second")


def test_steps_of_pipelines_that_wait_are_counted_too(alone: Stack) -> None:
    limit(alone, "second", queued=4)
    steps = {"a": _BODY, "b": {**_BODY, "after": ["a"]}, "c": {**_BODY, "after": ["b"]}}
    pipeline = {"name": "three", "steps": steps}
    assert ask(alone, "POST", "/v1/pipelines", tenant="second", json=pipeline).status_code == 202
    assert usage(alone, "second")["used"]["queued"] == 3
    refused(ask(alone, "POST", "/v1/pipelines", tenant="second", json=pipeline), "queued")
    submit(alone, kind="test.stamp", params={"text": "x"}, tenant="second")
    problem = refused(ask(alone, "POST", "/v1/jobs", tenant="second", json=_BODY), "queued")
    assert (problem["limit"], problem["actual"]) == (4, 5)
    operator = ask(alone, "GET", f"/v1/tenants/{alone.tenants['second']}").json()
    assert operator["used"]["queued"] == 4


def test_a_full_queue_still_answers_for_what_it_has_accepted_and_takes_many_or_none(alone: Stack) -> None:
    limit(alone, "second", queued=3)

    def send(key: str) -> httpx.Response:
        return ask(alone, "POST", "/v1/jobs", tenant="second", json=_BODY, headers={"Idempotency-Key": key})

    many = {"jobs": [_BODY] * 4}
    refused(ask(alone, "POST", "/v1/jobs/bulk", tenant="second", json=many), "queued")
    assert usage(alone, "second")["used"]["queued"] == 0
    first = send("a")
    assert ask(alone, "POST", "/v1/jobs/bulk", tenant="second", json={"jobs": [_BODY] * 2}).status_code == 202
    refused(send("b"), "queued")
    again = send("a")
    assert (again.status_code, again.json()["id"]) == (202, first.json()["id"])


def test_device_seconds_are_those_of_today_and_the_refusal_says_when_the_day_ends(alone: Stack) -> None:
    limit(alone, "second", device_seconds_a_day=100)
    tenant = alone.tenants["second"]
    job = submit(alone, "test.stamp", {"text": "x"}, tenant="second")["id"]
    alone.sql(
        """UPDATE jobs SET state = 'running', lease_until = now(), claimed_at = now() - interval '30 hours'
           WHERE id = %s""",
        [job],
    )
    ((today,),) = alone.sql("SELECT extract(epoch FROM now() - date_trunc('day', now(), 'UTC'))::float8")
    running = usage(alone, "second")["used"]
    assert running["running"] == 1
    assert running["device_seconds_today"] == pytest.approx(today, abs=60)
    alone.sql(
        "UPDATE jobs SET state = 'failed', error = '{}', lease_until = NULL, finished_at = now() WHERE id = %s", [job]
    )
    days = alone.sql("SELECT used_s FROM tenant_days WHERE tenant_id = %s ORDER BY day", [tenant])
    assert sum(used for (used,) in days) == pytest.approx(30 * 3600, abs=1), "each day got its part"
    assert usage(alone, "second")["used"]["device_seconds_today"] == pytest.approx(days[-1][0], abs=0.01)
    alone.sql(
        "UPDATE tenant_days SET used_s = 99 WHERE tenant_id = %s AND day = (now() AT TIME ZONE 'UTC')::date", [tenant]
    )
    submit(alone, "test.stamp", {"text": "x"}, tenant="second")
    alone.sql(
        "UPDATE tenant_days SET used_s = 100 WHERE tenant_id = %s AND day = (now() AT TIME ZONE 'UTC')::date", [tenant]
    )
    answer = ask(alone, "POST", "/v1/jobs", tenant="second", json=_BODY)
    problem = refused(answer, "device_seconds_a_day")
    assert problem["limit"] == 100
    assert 0 < int(answer.headers["retry-after"]) <= 86_400
    assert ask(alone, "GET", "/v1/jobs", tenant="second").status_code == 200


def picture(seed: int) -> bytes:
    noise = np.random.default_rng(seed).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(noise).save(buffer, "PNG")
    return buffer.getvalue()


def test_what_does_not_fit_into_the_storage_is_refused_and_the_rest_goes_in(stack: Stack) -> None:
    stack.key("first"), stack.key("second")
    stack.start_gateway()
    stack.start_ingestion()

    def upload(*seeds: int) -> httpx.Response:
        files = [("files", (f"{seed}.png", picture(seed))) for seed in seeds]
        return ask(stack, "POST", "/v1/artworks", tenant="second", files=files)

    first = upload(1).json()["files"][0]["artwork"]["size_bytes"]
    assert usage(stack, "second")["used"]["storage_bytes"] == first
    limit(stack, "second", storage_bytes=round(first * 2.5))
    told = upload(2, 3, 4, 1).json()
    assert (told["accepted"], told["refused"], told["duplicate"]) == (1, 2, 1)
    assert {file["error"]["code"] for file in told["files"] if file["error"]} == {"quota_exceeded"}
    assert usage(stack, "second")["used"]["storage_bytes"] < first * 2.5
    weights = ask(stack, "PUT", "/v1/files/a.txt", tenant="second", content=b"x" * first)
    assert refused(weights, "storage_bytes")["limit"] == round(first * 2.5)
    limit(stack, "second", storage_bytes=first)
    refused(upload(5), "storage_bytes")
    refused(ask(stack, "POST", "/v1/jobs", tenant="second", json=_BODY), "storage_bytes")
    assert upload_by_first(stack).status_code == 200


def upload_by_first(stack: Stack) -> httpx.Response:
    return ask(stack, "POST", "/v1/artworks", files=[("files", ("5.png", picture(5)))])


def test_a_job_that_finds_the_storage_full_fails_with_that_reason(stack: Stack, tmp_path: Path) -> None:
    stack.key("first"), stack.key("second")
    stack.start_gateway()
    stack.start_worker("w", ["test"])
    gate = tmp_path / "gate"
    gate.touch()
    job = submit(stack, "test.stamp", {"text": "x", "gate": str(gate), "pause_at": "compute"}, tenant="second")["id"]
    limit(stack, "second", storage_bytes=0)
    gate.unlink()
    error = ended(stack, job, tenant="second")["error"]
    assert (error["code"], error["quota"]) == ("quota_exceeded", "storage_bytes")
    assert usage(stack, "second")["used"]["storage_bytes"] == 0
    limit(stack, "second", storage_bytes=1)
    job = submit(stack, "test.stamp", {"text": "twenty bytes and more"}, tenant="second")["id"]
    assert ended(stack, job, tenant="second")["state"] == "succeeded", "a result may go beyond what it did not fill"


def test_operators_look_at_all_tenants_and_no_tenant_at_another(alone: Stack) -> None:
    submit(alone, "test.stamp", {"text": "x"}, tenant="second")
    found = {item["name"]: item for item in ask(alone, "GET", "/v1/tenants").json()["items"]}
    assert set(found) == {"first", "second"}
    assert found["second"]["used"]["queued"] == 1
    changed = limit(alone, alone.tenants["second"], running=2, device_seconds_a_day=1.5)
    assert (changed["limits"]["running"], changed["limits"]["device_seconds_a_day"]) == (2, 1.5)
    kept = limit(alone, "second", queued=9)["limits"]
    assert (kept["running"], kept["queued"]) == (2, 9), "what is not named stays"
    assert alone.sql("SELECT running_cap FROM tenants WHERE name = 'second'") == [(2,)]
    assert usage(alone, "second")["id"] == alone.tenants["second"]
    assert usage(alone, "first")["limits"]["queued"] is None
    for method, path in (
        ("GET", "/v1/tenants"), ("GET", "/v1/tenants/first"), ("PATCH", "/v1/tenants/second/limits"),
    ):  # fmt: skip
        answer = ask(alone, method, path, tenant="second", json={} if method == "PATCH" else None)
        assert (answer.status_code, answer.json()["code"]) == (403, "scope_missing"), path
    unknown = ask(alone, "PATCH", f"/v1/tenants/{new_id('tnt')}/limits", json={"queued": 1})
    assert (unknown.status_code, unknown.json()["code"]) == (404, "not_found")


@pytest.mark.parametrize(
    "body",
    [{"queued": -1}, {"storage_bytes": 2**70}, {"requests_per_s": 0}, {"device_seconds_a_day": "many"}, {"other": 1}],
)
def test_limits_that_make_no_sense_are_refused(alone: Stack, body: dict[str, Any]) -> None:
    assert ask(alone, "PATCH", "/v1/tenants/second/limits", json=body).status_code == 422


def test_clients_see_the_refusal_as_what_it_is(alone: Stack) -> None:
    from impasto_test_kinds import Stamp

    operator = alone.client("first")
    assert operator.tenants.limit("second", queued=0).limits.queued == 0
    assert [tenant.name for tenant in operator.tenants.list()] == ["first", "second"]
    assert operator.tenants.get("second").limits.queued == 0
    with pytest.raises(LimitExceeded) as caught:
        alone.client("second").submit(Stamp(text="x"))
    assert (caught.value.code, caught.value.data["quota"], caught.value.data["limit"]) == (
        "quota_exceeded",
        "queued",
        0,
    )


def test_the_bytes_of_every_row_are_counted_and_no_others(database: DatabaseUrls) -> None:
    with psycopg.connect(database.engine, autocommit=True) as engine:
        engine.execute("INSERT INTO tenants (id, name) VALUES ('tnt_a', 'a'), ('tnt_b', 'b')")
        engine.execute(
            """INSERT INTO artifacts (tenant_id, sha256, media_type, size_bytes)
               SELECT CASE n % 2 WHEN 0 THEN 'tnt_a' ELSE 'tnt_b' END, n::text, 'x', n FROM generate_series(1, 20) n"""
        )
        engine.execute("DELETE FROM artifacts WHERE sha256 IN ('2', '4')")
        counted = dict(engine.execute("SELECT tenant_id, sum(bytes)::int FROM tenant_storage GROUP BY 1").fetchall())
        there = dict(engine.execute("SELECT tenant_id, sum(size_bytes)::int FROM artifacts GROUP BY 1").fetchall())
    assert counted == there == {"tnt_a": 104, "tnt_b": 100}
