"""Kinds follow from params, results from records."""

from __future__ import annotations

import pytest

from impasto.client.flow import Request
from impasto.client.jobs import kind_of, result_of, submitting, submitting_all
from impasto.errors import InvalidInput, JobFailed
from impasto.jobs import JobRecord
from impasto.kinds import all_kinds
from impasto.kinds.generate_upscale import Upscale, Upscaled
from impasto.kinds.kind import Params
from tests.client.steps import answer, job, perform

_PICTURE = "sha256:" + "0" * 64
_RESULT = {
    "artifact": {"sha256": "0" * 64, "media_type": "image/png", "size_bytes": 3},
    "width": 8,
    "height": 8,
    "compute_seconds": 0.5,
}


def test_every_kind_is_found_by_its_params() -> None:
    for name, kind in all_kinds().items():
        assert kind_of(kind.params.model_construct()) == name


def test_params_of_no_kind_are_refused() -> None:
    with pytest.raises(InvalidInput, match="no job kind"):
        kind_of(Params())


def test_a_submit_names_the_kind_and_carries_a_key_of_its_own() -> None:
    requests = []
    for _ in range(2):
        _, (request,), _ = perform(
            submitting(Upscale(picture=_PICTURE, factor=2), {"priority": 3, "start_by_s": 9}), [answer(job())]
        )
        assert isinstance(request, Request)
        requests.append(request)
    first, second = requests
    assert first.body == {
        "kind": "generate.upscale",
        "params": {"picture": _PICTURE, "factor": 2},
        "priority": 3,
        "start_by_s": 9,
    }
    assert first.headers["Idempotency-Key"] != second.headers["Idempotency-Key"]
    assert first.repeatable


def test_a_key_that_is_given_is_used() -> None:
    _, (request,), _ = perform(submitting(Upscale(picture=_PICTURE), {"idempotency_key": "mine"}), [answer(job())])
    assert isinstance(request, Request)
    assert request.headers == {"Idempotency-Key": "mine"}


def test_many_jobs_go_in_one_request_with_what_is_theirs_and_one_key() -> None:
    first, second = Upscale(picture=_PICTURE, factor=2), Upscale(picture=_PICTURE)
    asked = submitting_all([first, (second, {"priority": 9})], {"priority": 3, "idempotency_key": "mine"})
    records, (request,), _ = perform(asked, [answer({"items": [job(), job("queued")]})])
    assert isinstance(request, Request)
    assert (request.path, request.repeatable, request.headers) == ("/v1/jobs/bulk", True, {"Idempotency-Key": "mine"})
    assert request.body == {
        "jobs": [
            {"kind": "generate.upscale", "params": {"picture": _PICTURE, "factor": 2}, "priority": 3},
            {"kind": "generate.upscale", "params": {"picture": _PICTURE}, "priority": 9},
        ]
    }
    assert [record.state for record in records] == ["succeeded", "queued"]


def test_a_result_has_its_kinds_type() -> None:
    found = result_of(JobRecord.model_validate(job(result=_RESULT)))
    assert isinstance(found, Upscaled)
    assert found.artifact.size_bytes == 3


def test_a_result_of_an_unknown_kind_is_plain() -> None:
    assert result_of(JobRecord.model_validate(job(kind="someone.elses", result={"a": 1}))) == {"a": 1}


def test_a_failed_job_raises_its_own_code_and_hint() -> None:
    error = {"code": "out_of_memory", "message": "too large", "hint": "smaller", "limit": 3}
    with pytest.raises(JobFailed, match="too large") as raised:
        result_of(JobRecord.model_validate(job("failed", error=error)))
    assert (raised.value.code, raised.value.hint, raised.value.data["limit"]) == ("out_of_memory", "smaller", 3)
    assert raised.value.data["job_id"].startswith("job_")


def test_a_canceled_job_has_no_result() -> None:
    with pytest.raises(JobFailed) as raised:
        result_of(JobRecord.model_validate(job("canceled")))
    assert raised.value.code == "canceled"


@pytest.mark.parametrize("state", ["queued", "running"])
def test_a_job_that_has_not_ended_has_no_result_yet(state: str) -> None:
    with pytest.raises(InvalidInput) as raised:
        result_of(JobRecord.model_validate(job(state)))
    assert raised.value.code == "result_not_ready"
