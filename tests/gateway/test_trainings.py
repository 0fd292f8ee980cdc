"""`/v1/jobs/{id}/series` and `/samples`: pages by step, of one's own jobs alone."""

from __future__ import annotations

import asyncio

import pytest
from psycopg.types.json import Jsonb

from impasto import AsyncClient
from impasto.identifiers import new_id
from impasto.testing.stacks import Stack
from impasto.trainings import Sample, SeriesPoint
from tests.asking import ask, ended, submit


@pytest.fixture(scope="module")
def job(platform: Stack) -> str:
    """A job with points of thirty steps and three samples."""
    done = ended(platform, submit(platform, "test.stamp", {"text": "a training, for those who look"})["id"])
    tenant, digest = platform.tenants["first"], done["result"]["artifact"]["sha256"]
    for step in range(1, 31):
        platform.sql(
            "INSERT INTO job_series (tenant_id, job_id, step, points) VALUES (%s, %s, %s, %s)",
            [tenant, done["id"], step, Jsonb({"loss": 1 / step})],
        )
    for step in (10, 20, 30):
        platform.sql(
            "INSERT INTO job_samples (tenant_id, job_id, step, sha256) VALUES (%s, %s, %s, %s)",
            [tenant, done["id"], step, digest],
        )
    return str(done["id"])


@pytest.mark.parametrize(
    ("query", "steps"),
    [
        ("", list(range(1, 31))),
        ("?after=27", [28, 29, 30]),
        ("?every=10", [10, 20, 30]),
        ("?after=10&every=5&limit=3", [15, 20, 25]),
        ("?after=30", []),
    ],
)
def test_a_series_comes_by_step_from_where_it_is_asked_for(
    platform: Stack, job: str, query: str, steps: list[int]
) -> None:
    items = ask(platform, "GET", f"/v1/jobs/{job}/series{query}").json()["items"]
    assert [item["step"] for item in items] == steps
    assert all(item["points"] == {"loss": pytest.approx(1 / item["step"])} for item in items)


@pytest.mark.parametrize(("query", "steps"), [("", [10, 20, 30]), ("?after=10", [20, 30]), ("?limit=1", [10])])
def test_samples_come_by_step(platform: Stack, job: str, query: str, steps: list[int]) -> None:
    items = ask(platform, "GET", f"/v1/jobs/{job}/samples{query}").json()["items"]
    assert [item["step"] for item in items] == steps
    assert ask(platform, "GET", f"/v1/artifacts/{items[0]['sha256']}").status_code == 200


def test_both_clients_read_them(platform: Stack, job: str) -> None:
    with platform.client() as client:
        points, samples = client.jobs.series(job, after=10, every=5), client.jobs.samples(job, after=10)

    async def read() -> tuple[list[SeriesPoint], list[Sample]]:
        async with AsyncClient(url=platform.url, api_key=platform.api_key) as client:
            return await client.jobs.series(job, after=10, every=5), await client.jobs.samples(job, after=10)

    assert [point.step for point in points] == [15, 20, 25, 30]
    assert points[0].points == {"loss": pytest.approx(1 / 15)}
    assert [sample.step for sample in samples] == [20, 30]
    assert asyncio.run(read()) == (points, samples)


def test_a_series_longer_than_an_answer_is_read_whole(platform: Stack) -> None:
    done = ended(platform, submit(platform, "test.stamp", {"text": "a long training"})["id"])
    platform.sql(
        """INSERT INTO job_series (tenant_id, job_id, step, points)
           SELECT %s, %s, step, '{"loss": 1}' FROM generate_series(1, 10001) step""",
        [platform.tenants["first"], done["id"]],
    )
    with platform.client() as client:
        points = client.jobs.series(done["id"])
    assert [point.step for point in points] == list(range(1, 10_002))


@pytest.mark.parametrize("what", ["series", "samples"])
@pytest.mark.parametrize("query", ["after=-1", "limit=0", "limit=5001", "after=2147483648", "after=x"])
def test_questions_that_mean_nothing_are_422(platform: Stack, job: str, what: str, query: str) -> None:
    assert ask(platform, "GET", f"/v1/jobs/{job}/{what}?{query}").status_code == 422


@pytest.mark.parametrize("what", ["series", "samples"])
def test_anothers_job_and_one_that_never_was_are_not_there(platform: Stack, job: str, what: str) -> None:
    assert ask(platform, "GET", f"/v1/jobs/{job}/{what}", tenant="second").status_code == 404
    assert ask(platform, "GET", f"/v1/jobs/{new_id('job')}/{what}").status_code == 404


def test_a_job_that_is_no_training_has_neither(platform: Stack) -> None:
    other = submit(platform, "test.stamp", {"text": "no training"})["id"]
    for what in ("series", "samples"):
        assert ask(platform, "GET", f"/v1/jobs/{other}/{what}").json()["items"] == []
