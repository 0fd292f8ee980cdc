"""Submission: a request becomes a job, its first event and its bell in one commit, or is refused with a reason."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Protocol

from impasto.checkpoints import STARTER
from impasto.delivery import NewEndpoint
from impasto.errors import Conflict, InvalidInput, NotFound
from impasto.identifiers import PREFIXES, is_id, new_id
from impasto.jobs import JobRecord, JobState
from impasto.kinds import Kind

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
    run_after: datetime | None = None
    idempotency_key: str | None = None
    request_sha256: bytes | None = None
    traceparent: str | None = None
    callback: NewEndpoint | None = None
    require_worker: bool = False


@dataclass(frozen=True, slots=True)
class Bell:
    """That there is something in this queue; `outbox_id` is its row until it was rung."""

    queue: str
    outbox_id: int
    traceparent: str | None = None


@dataclass(frozen=True, slots=True)
class Submitted:
    """The job, and its bell unless the job had been accepted before under the same Idempotency-Key."""

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

    async def unmeasured(self, checkpoint_ids: list[str]) -> str | None:
        """The first of these checkpoints that has no finished evaluation on works it was not trained on."""
        ...

    async def insert(self, job: NewJob) -> tuple[JobRecord, Bell] | None:
        """Job, event, bell, and its callback if it has one; None if the Idempotency-Key is taken."""
        ...

    async def by_key(self, idempotency_key: str) -> tuple[JobRecord, bytes]:
        """The job accepted under that key and the digest of its request."""
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
        InvalidInput: the Idempotency-Key was used with another body.
    """
    if missing := await inbox.missing(sorted(set(references(job.params)))):
        raise NotFound(PREFIXES.get(missing[:3], "artifact"), missing)
    if unmeasured := await inbox.unmeasured(_to_be_measured(job.params)):
        raise _not_measured(unmeasured, "params.checkpoint")
    if accepted := await inbox.insert(job):
        if job.require_worker:
            _require_worker(accepted[0], "require_worker")  # what is refused is not committed
        return Submitted(*accepted)
    assert job.idempotency_key is not None
    earlier, request_sha256 = await inbox.by_key(job.idempotency_key)
    _refuse_another_body(request_sha256, job)
    return Submitted(earlier, None)


async def submit_all(inbox: Inbox, jobs: Sequence[NewJob]) -> SubmittedAll:
    """Accepts all of these jobs or none; the caller commits. The first carries the Idempotency-Key of the whole call.

    Raises as `submit` does, and names the job: `jobs.17.params.checkpoint`.
    """
    placed = {found: place for n, job in enumerate(jobs) for place, found in _placed(job.params, f"jobs.{n}.params")}
    if missing := await inbox.missing(sorted(placed)):
        raise _at(NotFound(PREFIXES.get(missing[:3], "artifact"), missing), placed[missing])
    measured = {
        found: f"jobs.{n}.params.checkpoint" for n, job in enumerate(jobs) for found in _to_be_measured(job.params)
    }
    if unmeasured := await inbox.unmeasured(sorted(measured)):
        raise _not_measured(unmeasured, measured[unmeasured])
    if accepted := await inbox.insert_all(jobs):
        for n, (job, record) in enumerate(zip(jobs, accepted.jobs, strict=True)):
            if job.require_worker:
                _require_worker(record, f"jobs.{n}.require_worker")
        return accepted
    assert jobs[0].idempotency_key is not None
    earlier, request_sha256 = await inbox.all_by_key(jobs[0].idempotency_key)
    _refuse_another_body(request_sha256, jobs[0])
    return SubmittedAll(earlier, [])


def _at(error: NotFound, place: str) -> NotFound:
    error.data["field"] = place
    return error


def _not_measured(checkpoint: str, place: str) -> Conflict:
    return Conflict(
        "checkpoint_not_measured",
        f"{checkpoint} has no finished evaluation",
        hint="measure it first (`impasto evaluate`), or give allow_unmeasured",
        field=place,
    )


def _refuse_another_body(request_sha256: bytes, job: NewJob) -> None:
    if request_sha256 != job.request_sha256:
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


def _to_be_measured(params: Mapping[str, Any]) -> list[str]:
    """A kind whose params have `allow_unmeasured` uses its `checkpoint`; others may name any. The starter was."""
    checkpoint = params.get("checkpoint")
    return [checkpoint] if checkpoint and checkpoint != STARTER and params.get("allow_unmeasured") is False else []


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
