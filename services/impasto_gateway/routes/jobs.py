"""`/v1/jobs`: submit, list, look at, cancel."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import Annotated, Any

from fastapi import APIRouter, BackgroundTasks, Body, Header, Query, Request, Response
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from impasto.backends.postgres.estimates import queue_estimate
from impasto.backends.postgres.inbox import PostgresInbox
from impasto.backends.postgres.jobs import job_by_id, list_jobs, request_cancel
from impasto.backends.postgres.logs import log_tail, logs_after
from impasto.backends.postgres.pools import tenant_transaction
from impasto.backends.postgres.webhooks import PostgresEndpoints
from impasto.backends.telemetry import spans
from impasto.backends.web.access import Caller
from impasto.backends.web.problems import documented
from impasto.delivery import NewEndpoint, chosen_secret
from impasto.errors import InvalidInput, NotFound, Unavailable
from impasto.identifiers import JobId, new_id
from impasto.jobs import JobRecord, JobState
from impasto.logs import TAIL_LINES, LogLine
from impasto.submission import (
    NewJob,
    Submitted,
    new_job,
    new_job_id,
    refuse_finished,
    request_digest,
    stands_alone,
    submit,
    submit_all,
)
from impasto.webhooks import secret_text
from impasto_gateway.accepting import ACCEPTS, tell_accepted, tell_all_accepted
from impasto_gateway.job_requests import (
    AcceptedJob,
    AcceptedJobs,
    BulkRequest,
    JobFields,
    JobRequest,
    asked_for,
    check_key,
)
from impasto_gateway.parts import (
    Cursor,
    Limit,
    Page,
    Parts,
    Reader,
    ReadTransaction,
    Submitter,
    SubmitTransaction,
    TheParts,
    page,
)
from impasto_gateway.waiting import preferred_wait, until_ended

router = APIRouter(prefix="/v1/jobs", tags=["jobs"])


_IdempotencyKey = Annotated[str | None, Header(description="The same key again answers the same job.")]
# Read by the frame of every request (`impasto.backends.web.requests`), and named here for whoever reads the document.
_TraceParent = Annotated[
    str | None, Header(description="The trace that the job goes on with, if it has the form that the W3C gives it.")
]


_Prefer = Annotated[
    str | None, Header(description="`wait=N`: answer when the job has ended, or after N seconds (1 to 60).")
]


@router.post(
    "",
    status_code=202,
    summary="Submit a job",
    operation_id="submit_job",
    responses={**documented(409), 200: {"model": AcceptedJob, "description": "It ended within the preferred wait."}},
)
async def submit_job(
    request: Annotated[JobRequest, Body()],
    caller: Submitter,
    the: TheParts,
    http: Request,
    response: Response,
    idempotency_key: _IdempotencyKey = None,
    traceparent: _TraceParent = None,
    prefer: _Prefer = None,
) -> AcceptedJob:
    """Accepts a job, durably: after this answer it will reach an end, whatever is switched off meanwhile."""
    check_key(idempotency_key)
    body = asked_for(request)
    job = replace(
        new_job(new_job_id(), body, http.state.traceparent),
        idempotency_key=idempotency_key,
        request_sha256=None if idempotency_key is None else request_digest(body),
        callback=_callback(request, the, caller.tenant_id),
    )
    with spans.span("INSERT jobs", "client", attributes=ACCEPTS):
        submitted, sealed = await _accept(http.app.state.pool, the, caller, job)
    record = submitted.job
    tell_accepted(record)
    if submitted.bell:
        # Only noted down: another task rings, and nobody waits for Redis.
        await the.ringer.ring(caller.tenant_id, submitted.bell)
    response.headers["Location"] = f"/v1/jobs/{record.id}"
    if seconds := preferred_wait(prefer, response):
        # The job is accepted: nothing that goes wrong in the waiting may say otherwise, or it would be sent again.
        with suppress(Unavailable):
            record = await until_ended(the.awakener, record.id, seconds, lambda: _look(http, caller, record.id))
        response.status_code = 200 if record.state.is_final else 202
    # Not validated once more: every field is a record's already.
    return AcceptedJob.model_construct(**dict(record), callback_secret=_shown(sealed, the))


async def _accept(
    pool: AsyncConnectionPool[AsyncConnection[Any]], the: Parts, caller: Caller, job: NewJob
) -> tuple[Submitted, bytes | None]:
    """The job, and the sealed secret of its callback.

    Not the request's own transaction: whoever prefers to wait holds none meanwhile.
    """
    if (
        stands_alone(job)
        and not caller.has_quotas
        and (accepted := await the.group_commit.accept(caller.tenant_id, job))
    ):
        return Submitted(*accepted), None
    async with tenant_transaction(pool, caller.tenant_id) as connection:
        submitted = await submit(PostgresInbox(connection), job)
        sealed = await PostgresEndpoints(connection).callback_secret(submitted.job.id) if job.callback else None
        return submitted, sealed


async def _look(http: Request, caller: Caller, job_id: str) -> JobRecord:
    """In a transaction of its own.

    Raises:
        NotFound: there is no such job.
    """
    async with tenant_transaction(http.app.state.pool, caller.tenant_id) as connection:
        return await _existing(connection, job_id)


async def _existing(connection: AsyncConnection[Any], job_id: str) -> JobRecord:
    job = await job_by_id(connection, job_id)
    if job is None:
        raise NotFound("job", job_id)
    return job


@router.post(
    "/bulk", status_code=202, summary="Submit many jobs", operation_id="submit_jobs", responses=documented(409)
)
async def submit_jobs(
    request: BulkRequest,
    caller: Submitter,
    connection: SubmitTransaction,
    the: TheParts,
    http: Request,
    after: BackgroundTasks,
    idempotency_key: _IdempotencyKey = None,
    traceparent: _TraceParent = None,
) -> AcceptedJobs:
    """Accepts up to 1,000 jobs in one commit, or none: a fault names its job, such as `jobs.17.params.steps`."""
    check_key(idempotency_key)
    for number, one in enumerate(request.jobs):
        if one.callback is not None:
            raise InvalidInput(
                "field_unknown",
                "jobs that are submitted together have no callbacks",
                field=f"jobs.{number}.callback",
                hint="submit it alone, or register a webhook",
            )
    body = request.model_dump(mode="json")
    for asked in body["jobs"]:
        for added in ("start_after_s", "no_progress_s"):
            if asked[added] is None:
                del asked[added]  # a body without one is the same as before there were any
    # In the order of their identifiers, so that they are claimed as they were given.
    ids = sorted(new_job_id() for _ in request.jobs)
    jobs = [new_job(job_id, asked, http.state.traceparent) for job_id, asked in zip(ids, body["jobs"], strict=True)]
    if idempotency_key is not None:
        jobs[0] = replace(jobs[0], idempotency_key=idempotency_key, request_sha256=request_digest(body))
    with spans.span("INSERT jobs", "client", attributes=ACCEPTS):
        submitted = await submit_all(PostgresInbox(connection), jobs)
    tell_all_accepted(submitted.jobs)
    after.add_task(the.ringer.ring, caller.tenant_id, *submitted.bells)
    return AcceptedJobs(items=submitted.jobs)


def _shown(sealed: bytes | None, the: Parts) -> str | None:
    """A job that was accepted before may have a secret that cannot be read: its key is lost, its job is not."""
    try:
        return secret_text(the.vault.open(sealed)) if sealed else None
    except ValueError:
        return None


def _callback(request: JobFields, the: Parts, tenant_id: str) -> NewEndpoint | None:
    asked = request.callback
    if asked is None:
        return None
    # Its name is looked up by the notifier: a submission waits for no name server.
    place = the.gate.read(asked.url)
    sealed = the.vault.seal(chosen_secret(asked.secret)[1])
    return NewEndpoint(new_id("whk"), asked.url, f"{tenant_id} {place.origin}", list(asked.events), sealed)


@router.get("", summary="List jobs", operation_id="list_jobs")
async def get_jobs(
    connection: ReadTransaction,
    cursor: Cursor,
    limit: Limit = 50,
    state: JobState | None = None,
    kind: Annotated[str | None, Query(max_length=100, pattern="^[a-z0-9._-]+$")] = None,
    code: Annotated[
        str | None, Query(max_length=100, pattern="^[a-z0-9_]+$", description="Only jobs that failed with this code.")
    ] = None,
) -> Page[JobRecord]:
    """The tenant's jobs, newest first."""
    found = await list_jobs(connection, state=state, kind=kind, code=code, before=cursor, most=limit + 1)
    return page(found, limit)


@router.get("/{job_id}", summary="Look at a job", operation_id="get_job")
async def get_job(
    job_id: JobId,
    caller: Reader,
    the: TheParts,
    http: Request,
    response: Response,
    prefer: _Prefer = None,
    estimate: Annotated[
        bool, Query(description="Of a queued job also `queue`: its place, and when it will run.")
    ] = False,
) -> JobRecord:
    """State, progress, and in the end the result or the error."""
    seconds = preferred_wait(prefer, response)
    if seconds is None:
        job = await _look(http, caller, job_id)
    else:
        job = await until_ended(the.awakener, job_id, seconds, lambda: _look(http, caller, job_id))
    if job.state is JobState.FAILED or (estimate and job.state is JobState.QUEUED):
        async with tenant_transaction(http.app.state.pool, caller.tenant_id) as connection:
            if job.state is JobState.FAILED:
                job.log_tail = await log_tail(connection, job_id, TAIL_LINES)
            else:
                class_s = float(http.app.state.settings.class_s)
                job.queue = await queue_estimate(connection, job_id, class_s=class_s)
    return job


@router.get("/{job_id}/logs", summary="Read a job's log", operation_id="get_job_logs")
async def get_job_logs(
    job_id: JobId,
    connection: ReadTransaction,
    after: Annotated[int, Query(ge=0, lt=2**31, description="Only lines with a larger number.")] = 0,
    limit: Limit = 200,
) -> Page[LogLine]:
    """What the job's handler and runner said, while it runs and afterwards; the last 200 lines are kept.

    Ask again with `after` set to the last number to get what is new.
    """
    await _existing(connection, job_id)
    return Page(items=await logs_after(connection, job_id, after, limit))


@router.post(
    "/{job_id}/cancel", status_code=202, summary="Cancel a job", operation_id="cancel_job", responses=documented(409)
)
async def cancel_job(
    job_id: JobId, caller: Submitter, connection: SubmitTransaction, the: TheParts, after: BackgroundTasks
) -> JobRecord:
    """A queued job ends at once; a running one within seconds. Asking again changes nothing."""
    if asked := await request_cancel(connection, job_id):
        # News of what is not committed yet would be looked up too early, and not told again.
        after.add_task(the.ringer.tell, job_id, caller.tenant_id)
        return asked
    job = await _existing(connection, job_id)
    refuse_finished(job)
    return job
