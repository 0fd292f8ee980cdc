"""Submission: a request becomes a job, its first event and its bell in one commit, or is refused with a reason."""

from __future__ import annotations

import hashlib
import itertools
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from impasto.artifacts import PICTURE_TYPES
from impasto.checkpoints import STARTER
from impasto.delivery import NewEndpoint
from impasto.errors import Conflict, InvalidInput, NotFound
from impasto.identifiers import PREFIXES, is_id, new_id
from impasto.jobs import JobRecord, JobState
from impasto.kinds import Kind, all_kinds

_DIGEST: Final = re.compile("sha256:[0-9a-f]{64}")
MOST_JOBS: Final = 1000
# A bell sets one slot going, and a slot claims until its queue is empty: as many as there may be slots.
MOST_BELLS: Final = 128


@dataclass(frozen=True, slots=True)
class NewJob:
    """A job about to be accepted. Its deadlines are seconds from then: whoever accepts it may have a wrong clock."""

    id: str
    kind: Kind[Any, Any]
    params: dict[str, Any]
    priority: int = 0
    finish_in_s: float | None = None
    start_in_s: float | None = None
    start_after_s: float | None = None
    no_progress_s: float | None = None
    idempotency_key: str | None = None
    request_sha256: bytes | None = None
    traceparent: str | None = None
    callback: NewEndpoint | None = None
    require_worker: bool = False
    pipeline_id: str | None = None


@dataclass(frozen=True, slots=True)
class Bell:
    """That there is something in this queue; `outbox_id` is its row until it was rung."""

    queue: str
    outbox_id: int
    traceparent: str | None = None


@dataclass(frozen=True, slots=True)
class Submitted:
    """The job, and its bell unless it had been accepted before under its Idempotency-Key, or may not start yet."""

    job: JobRecord
    bell: Bell | None


@dataclass(frozen=True, slots=True)
class SubmittedAll:
    """The jobs in the order they were given, and their bells: a few for each queue, none if accepted before."""

    jobs: list[JobRecord]
    bells: list[Bell]


class Inbox(Protocol):
    """Where jobs are accepted, within the tenant whose request this is."""

    async def missing(self, identifiers: list[str]) -> str | None:
        """The first of these that the tenant does not have."""
        ...

    async def no_picture(self, digests: list[str]) -> str | None:
        """The first of these artifacts, `sha256:…`, that is something else than a picture."""
        ...

    async def unmeasured(self, checkpoint_ids: list[str]) -> str | None:
        """The first of these checkpoints that has no finished evaluation on works it was not trained on."""
        ...

    async def insert(self, job: NewJob) -> tuple[JobRecord, Bell | None] | None:
        """Job, event, bell if it may start now, and its callback; None if the Idempotency-Key is taken."""
        ...

    async def by_key(self, idempotency_key: str) -> tuple[JobRecord, bytes]:
        """The job accepted under that key and the digest of its request."""
        ...

    async def check_quotas(self) -> None:
        """Raises:
        LimitExceeded: what was inserted goes beyond a quota of the tenant.
        """
        ...

    async def insert_all(self, jobs: Sequence[NewJob]) -> SubmittedAll | None:
        """Jobs, events and bells, all or none; None if the first one's Idempotency-Key is taken."""
        ...

    async def all_by_key(self, idempotency_key: str) -> tuple[list[JobRecord], bytes]:
        """The jobs accepted in one call under that key and the digest of their request."""
        ...


async def submit(inbox: Inbox, job: NewJob) -> Submitted:
    """Accepts the job; the caller commits.

    Raises:
        NotFound: the params name a thing that the tenant does not have.
        Conflict: a checkpoint has no finished evaluation, and the params do not allow that; or no worker is there to
            run the job, and it is to be refused then.
        InvalidInput: the Idempotency-Key was used with another body, or what is named as a picture is none.
        LimitExceeded: a quota of the tenant is used up.
    """
    await refuse_unfit(inbox, job)
    if accepted := await inbox.insert(job):
        # What is refused here is not committed. Of a job accepted before nothing is asked.
        if job.require_worker:
            _require_worker(accepted[0], "require_worker")
        await inbox.check_quotas()
        return Submitted(*accepted)
    assert job.idempotency_key is not None
    earlier, request_sha256 = await inbox.by_key(job.idempotency_key)
    refuse_another_body(request_sha256, job.request_sha256)
    return Submitted(earlier, None)


def stands_alone(job: NewJob) -> bool:
    """Whether nothing has to be looked up or written beside it to accept this job."""
    return not (
        job.callback or job.require_worker or to_be_measured(job.params) or any(True for _ in references(job.params))
    )


async def refuse_unfit(inbox: Inbox, job: NewJob, place: str = "params") -> None:
    """Raises:
    NotFound: the params name a thing that the tenant does not have.
    InvalidInput: what is named as a picture is none.
    Conflict: a checkpoint has no finished evaluation, and the params do not allow that.
    """
    if missing := await inbox.missing(sorted(set(references(job.params)))):
        raise NotFound(PREFIXES.get(missing[:3], "artifact"), missing)
    await _require_pictures(inbox, dict(pictures_of(job.kind, job.params, place)))
    measured = to_be_measured(job.params, place)
    if unmeasured := await inbox.unmeasured(sorted(measured)):
        raise not_measured(unmeasured, measured[unmeasured])


async def submit_all(inbox: Inbox, jobs: Sequence[NewJob]) -> SubmittedAll:
    """Accepts all of these jobs or none; the caller commits. The first carries the Idempotency-Key of the whole call.

    Raises as `submit` does, and names the job: `jobs.17.params.checkpoint`.
    """
    await refuse_unusable(inbox, {f"jobs.{n}.params": (job.kind, job.params) for n, job in enumerate(jobs)})
    if accepted := await inbox.insert_all(jobs):
        for n, (job, record) in enumerate(zip(jobs, accepted.jobs, strict=True)):
            if job.require_worker:
                _require_worker(record, f"jobs.{n}.require_worker")
        await inbox.check_quotas()
        return accepted
    assert jobs[0].idempotency_key is not None
    earlier, request_sha256 = await inbox.all_by_key(jobs[0].idempotency_key)
    refuse_another_body(request_sha256, jobs[0].request_sha256)
    return SubmittedAll(earlier, [])


async def _require_pictures(inbox: Inbox, placed: Mapping[str, str]) -> None:
    if placed and (wrong := await inbox.no_picture(sorted(placed))):
        raise not_a_picture(placed[wrong])


def not_a_picture(place: str) -> InvalidInput:
    """Uploaded files are artifacts as well, and no decoder is to be handed those."""
    return InvalidInput(
        "image_unrecognised",
        "this artifact is not a picture",
        field=place,
        limit=list(PICTURE_TYPES),
        hint="upload it to /v1/artworks, and name the artwork",
    )


def pictures_of(kind: Kind[Any, Any], params: Mapping[str, Any], place: str) -> Iterator[tuple[str, str]]:
    """Every digest that is named as a picture, and its place."""
    for name in sorted(kind.picture_fields):
        for where, found in _placed(params.get(name), f"{place}.{name}"):
            if _DIGEST.fullmatch(found):
                yield found, where


async def refuse_unusable(inbox: Inbox, asked: Mapping[str, tuple[Kind[Any, Any], Mapping[str, Any]]]) -> None:
    """Refuses params, each with its kind by its place such as `jobs.17.params`, that name what cannot be used.

    Raises:
        NotFound: they name a thing that the tenant does not have.
        InvalidInput: an artifact that is named as a picture is none.
        Conflict: a checkpoint has no finished evaluation, and they do not allow that.
    """
    placed = {found: at for place, (_, some) in asked.items() for at, found in _placed(some, place)}
    if missing := await inbox.missing(sorted(placed)):
        raise _at(NotFound(PREFIXES.get(missing[:3], "artifact"), missing), placed[missing])
    pictures = (pictures_of(kind, some, place) for place, (kind, some) in asked.items())
    await _require_pictures(inbox, dict(itertools.chain.from_iterable(pictures)))
    measured: dict[str, str] = {}
    for place, (_, some) in asked.items():
        measured |= to_be_measured(some, place)
    if unmeasured := await inbox.unmeasured(sorted(measured)):
        raise not_measured(unmeasured, measured[unmeasured])


def _at(error: NotFound, place: str) -> NotFound:
    error.data["field"] = place
    return error


def not_measured(checkpoint: str, place: str) -> Conflict:
    """What is said of a checkpoint that nobody has measured, where `place` in the request names it."""
    return Conflict(
        "checkpoint_not_measured",
        f"{checkpoint} has no finished evaluation",
        hint="measure it first (`impasto evaluate`), or give allow_unmeasured",
        field=place,
    )


def refuse_another_body(earlier: bytes, request_sha256: bytes | None) -> None:
    """Raises:
    InvalidInput: what was accepted under this Idempotency-Key was another request.
    """
    if earlier != request_sha256:
        raise InvalidInput(
            "idempotency_mismatch",
            "this Idempotency-Key was used with another body",
            field="Idempotency-Key",
            hint="use a new key for a new job",
        )


def _require_worker(job: JobRecord, place: str) -> None:
    if lacks := job.waiting_for:
        raise Conflict(
            "no_worker_for_job",
            f"no live worker consumes the queue {lacks.queue}"
            if lacks.missing == "queue"
            else f"no live worker of the queue {lacks.queue} knows the kind {lacks.kind}",
            hint="start such a worker, or leave out require_worker: then the job waits for one",
            field=place,
        )


def to_be_measured(params: Mapping[str, Any], place: str = "params") -> dict[str, str]:
    """Checkpoints with their places. A kind whose params have `allow_unmeasured` uses its `checkpoint` and `adapters`;
    others may name any. The starter was measured.
    """
    if params.get("allow_unmeasured") is not False:
        return {}
    # What a step of a pipeline takes from another one is a reference by now, and judged when its turn comes.
    given = params.get("adapters", [])
    adapters = {
        str(one["checkpoint"]): f"{place}.adapters.{n}.checkpoint"
        for n, one in enumerate(given if isinstance(given, list) else [])
        if isinstance(one, Mapping) and "checkpoint" in one
    }
    checkpoint = params.get("checkpoint")
    return adapters | ({checkpoint: f"{place}.checkpoint"} if checkpoint and checkpoint != STARTER else {})


def references(params: Any) -> Iterator[str]:
    """Every whole identifier and `sha256:` digest in the params, keys of objects included.

    Words that only begin like one are words: a prompt may.
    """
    return (found for _, found in _placed(params, ""))


def _placed(value: Any, place: str) -> Iterator[tuple[str, str]]:
    """Every reference with its place, such as `params.mix.works.0`."""
    if isinstance(value, str):
        if (value[:3] in PREFIXES and is_id(value, value[:3])) or _DIGEST.fullmatch(value):
            yield place, value
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from _placed(key, place)
            yield from _placed(item, f"{place}.{key}")
    elif isinstance(value, (list, tuple)):
        for number, item in enumerate(value):
            yield from _placed(item, f"{place}.{number}")


def request_digest(body: Mapping[str, Any]) -> bytes:
    """SHA-256 of the request as canonical JSON: the order of its fields does not matter."""
    return hashlib.sha256(json.dumps(body, sort_keys=True, separators=(",", ":"), default=str).encode()).digest()


def new_job(job_id: str, asked: Mapping[str, Any], traceparent: str | None = None) -> NewJob:
    """A job from the body that asks for it, its params being what its kind takes."""
    return NewJob(
        id=job_id,
        kind=all_kinds()[asked["kind"]],
        params=asked["params"],
        priority=asked.get("priority", 0),
        finish_in_s=asked.get("deadline_s"),
        start_in_s=asked.get("start_by_s"),
        start_after_s=asked.get("start_after_s"),
        no_progress_s=asked.get("no_progress_s"),
        traceparent=traceparent,
        require_worker=asked.get("require_worker", False),
    )


def new_job_id() -> str:
    """An identifier for a job about to be accepted."""
    return new_id("job")


def refuse_finished(job: JobRecord) -> None:
    """Raises:
    Conflict: the job has ended.
    """
    if job.state.is_final:
        raise Conflict("job_already_finished", f"the job has already ended as {job.state.value}")


def refuse_retry(job: JobRecord) -> None:
    """Raises:
    Conflict: the job has not ended, or has succeeded.
    """
    if not job.state.is_final:
        raise Conflict(
            "job_not_finished",
            f"{job.id} has not ended: it is {job.state.value}",
            hint="wait for its end, or cancel it",
        )
    if job.state is JobState.SUCCEEDED:
        raise Conflict(
            "job_succeeded", f"{job.id} has succeeded", hint="submit its params again if you want another result"
        )
