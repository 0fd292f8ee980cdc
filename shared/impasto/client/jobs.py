"""Flows of jobs: submit, cancel, and what a finished one gives."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final, TypedDict

from pydantic import BaseModel, Field

from impasto.client.answers import make, send
from impasto.client.flow import Emit, Flow, Request, Sleep
from impasto.client.resources import place
from impasto.errors import InvalidInput, JobFailed, NotFound
from impasto.jobs import JobRecord, JobState
from impasto.logs import LogLine
from impasto.trainings import Sample, SeriesPoint

if TYPE_CHECKING:
    from impasto.kinds.kind import Params


_MOST_POINTS: Final = 5000
_LOOKS_EVERY_S: Final = 1.0


class SubmitOptions(TypedDict, total=False):
    """What may be given with a job: its urgency (-10..10), seconds until it must have ended, until it must have
    started, and before which it does not start, and that it may tell no progress (10 to 86,400), whether a live worker
    is required, a key against doubles, a callback.
    """

    priority: int
    deadline_s: float
    start_by_s: float
    start_after_s: float
    no_progress_s: float
    require_worker: bool
    idempotency_key: str
    callback: dict[str, Any]


class JobOptions(TypedDict, total=False):
    """What may be given with one job of many: its urgency (-10..10), the seconds until it must end, and start, and that
    it may tell no progress (10 to 86,400), and whether a live worker is required."""

    priority: int
    deadline_s: float
    start_by_s: float
    start_after_s: float
    no_progress_s: float
    require_worker: bool


class BulkOptions(JobOptions, total=False):
    """What may be given with many jobs at once: what holds for all of them, and a key against doubles."""

    idempotency_key: str


class AcceptedJob(JobRecord):
    """A job as it was accepted, with what its callback is signed with; told here alone."""

    # Whoever prints or keeps the record does not want it in there.
    callback_secret: str | None = Field(None, repr=False, exclude=True)


def submitting(params: Params, options: SubmitOptions) -> Flow[AcceptedJob]:
    """Submits a job of the kind these params belong to. Retries cannot make a second one: the key is sent with each.

    Raises:
        InvalidInput: no kind takes such params, or the platform refuses them.
    """
    body: dict[str, Any] = {"kind": kind_of(params), "params": params.model_dump(mode="json", exclude_unset=True)}
    given = ("priority", "deadline_s", "start_by_s", "start_after_s", "no_progress_s", "require_worker", "callback")
    body |= {name: options[name] for name in given if name in options}  # type: ignore[literal-required]
    key = options.get("idempotency_key") or str(uuid.uuid4())
    answer = yield from send(Request("POST", place("jobs"), body=body, headers={"Idempotency-Key": key}))
    return AcceptedJob.model_validate_json(answer.content)


def submitting_all(jobs: Iterable[Params | tuple[Params, JobOptions]], options: BulkOptions) -> Flow[list[JobRecord]]:
    """Submits jobs together: all of them are accepted, in one commit, or none.

    Raises:
        InvalidInput: there are none or more than 1,000, or the platform refuses one; `field` says which.
    """
    shared = {name: options[name] for name in JobOptions.__annotations__ if name in options}  # type: ignore[literal-required]
    bodies: list[dict[str, Any]] = []
    for job in jobs:
        params, own = job if isinstance(job, tuple) else (job, JobOptions())
        body = {"kind": kind_of(params), "params": params.model_dump(mode="json", exclude_unset=True)}
        bodies.append(body | shared | own)
    return (yield from submitting_bodies(bodies, options.get("idempotency_key")))


def submitting_bodies(bodies: Iterable[Mapping[str, Any]], key: str | None = None) -> Flow[list[JobRecord]]:
    """Submits jobs of any kind together, each as it is sent to the platform: `kind`, `params` and options."""
    headers = {"Idempotency-Key": key or str(uuid.uuid4())}
    answer = yield from send(Request("POST", place("jobs", "bulk"), body={"jobs": list(bodies)}, headers=headers))
    return _Jobs.model_validate_json(answer.content).items


def canceling(job_id: str) -> Flow[JobRecord]:
    """Asks for the job to stop."""
    answer = yield from send(Request("POST", place("jobs", job_id, "cancel")))
    return JobRecord.model_validate_json(answer.content)


def retrying(job_id: str) -> Flow[JobRecord]:
    """The job that tries this one again; the same one however often it is asked for.

    Raises:
        Conflict: it has not ended, or has succeeded.
    """
    answer = yield from send(Request("POST", place("jobs", job_id, "retry")))
    return JobRecord.model_validate_json(answer.content)


def retrying_all(job_ids: Iterable[str] | None, code: str | None, kind: str | None) -> Flow[list[JobRecord]]:
    """The retries of these jobs, or of up to 1,000 that failed with that code and were not retried yet."""
    asked = {"jobs": list(job_ids) if job_ids is not None else None, "code": code, "kind": kind}
    body = {name: value for name, value in asked.items() if value is not None}
    # A code means those not retried yet: sent twice, it could mean others the second time.
    request = Request("POST", place("jobs", "retry"), body=body, repeatable=code is None)
    answer = yield from send(request)
    return _Jobs.model_validate_json(answer.content).items


def previewing(job_id: str) -> Flow[bytes | None]:
    """The last preview of a job that draws, a small JPEG; None if there is none (yet).

    Raises:
        NotFound: there is no such job.
    """
    try:
        answer = yield from send(Request("GET", place("jobs", job_id, "preview")))
    except NotFound as error:
        if error.code == "result_not_ready":
            return None
        raise
    return answer.content


def measuring(job_id: str, after: int, every: int) -> Flow[list[SeriesPoint]]:
    """All points of a job's series after a step, read part by part."""
    found: list[SeriesPoint] = []
    while True:
        query = {"after": after, "every": every, "limit": _MOST_POINTS}
        answer = yield from send(Request("GET", place("jobs", job_id, "series"), query))
        part = _Series.model_validate_json(answer.content).items
        found += part
        if len(part) < _MOST_POINTS:
            return found
        after = part[-1].step


def looking(job_id: str, *, estimate: bool) -> Flow[JobRecord]:
    """The job; if it is queued and that is asked for, with its place in the queue and its times."""
    answer = yield from send(Request("GET", place("jobs", job_id), {"estimate": "true"} if estimate else {}))
    return JobRecord.model_validate_json(answer.content)


def reading_log(job_id: str, after: int) -> Flow[list[LogLine]]:
    """The log lines after a number that are there."""
    answer = yield from send(Request("GET", place("jobs", job_id, "logs"), {"after": after}))
    return _Lines.model_validate_json(answer.content).items


def following_log(job_id: str, after: int) -> Flow[None]:
    """Emits log lines after a number as they come, until the job has ended and told all."""
    ended = False
    while True:
        lines = yield from reading_log(job_id, after)
        for line in lines:
            yield Emit(line)
            after = line.number
        if ended and not lines:
            return
        if not ended:
            record = yield from looking(job_id, estimate=False)
            ended = record.state.is_final
        # Lines are written twice a second, the last ones after the job's end.
        yield Sleep(_LOOKS_EVERY_S)


def sampling(job_id: str, after: int) -> Flow[list[Sample]]:
    """Sheets of samples after a step, the earliest 1,000."""
    answer = yield from send(Request("GET", place("jobs", job_id, "samples"), {"after": after}))
    return _Samples.model_validate_json(answer.content).items


class _Jobs(BaseModel):
    items: list[JobRecord]


class _Series(BaseModel):
    items: list[SeriesPoint]


class _Lines(BaseModel):
    items: list[LogLine]


class _Samples(BaseModel):
    items: list[Sample]


def kind_of(params: Params) -> str:
    """The name of the kind whose params these are.

    Raises:
        InvalidInput: no kind takes them.
    """
    # Late: the kinds cost a tenth of a second to load, and most calls need none.
    from impasto.kinds import all_kinds

    for name, kind in all_kinds().items():
        if type(params) is kind.params:
            return name
    raise InvalidInput("kind_unknown", f"no job kind takes {type(params).__name__}", field="params")


def result_of(record: JobRecord) -> Any:
    """The typed result of a job that succeeded; a plain dict if this version does not know its kind.

    Raises:
        JobFailed: it failed or was canceled; `code` says why.
        InvalidInput: it has not ended.
    """
    from impasto.kinds import all_kinds  # late, as above

    if record.state is JobState.SUCCEEDED:
        kind = all_kinds().get(record.kind)
        return kind.result.model_validate(record.result) if kind else record.result
    if not record.state.is_final:
        raise InvalidInput("result_not_ready", f"{record.id} has not ended: it is {record.state.value}")
    raise failure_of(record)


def failure_of(record: JobRecord) -> JobFailed:
    """The reason a job gave for ending without a result."""
    error = dict(record.error or {})
    code = str(error.pop("code", "canceled" if record.state is JobState.CANCELED else "internal_error"))
    message = str(error.pop("message", "the job was canceled" if code == "canceled" else "the job failed"))
    hint = error.pop("hint", None)
    failure = make(JobFailed, code, message, hint, **(error | {"job_id": record.id}))
    assert isinstance(failure, JobFailed)
    return failure
