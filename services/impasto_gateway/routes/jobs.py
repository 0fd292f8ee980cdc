"""`/v1/jobs`: submit, list, look at, cancel."""

from __future__ import annotations

import functools
import operator
import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

from fastapi import APIRouter, BackgroundTasks, Body, Header, Query, Response
from pydantic import BaseModel, ConfigDict, Field, create_model

from impasto.backends.postgres.inbox import PostgresInbox
from impasto.backends.postgres.jobs import job_by_id, list_jobs, request_cancel
from impasto.backends.postgres.webhooks import PostgresEndpoints
from impasto.backends.web.problems import documented
from impasto.delivery import NewEndpoint, chosen_secret
from impasto.errors import InvalidInput, NotFound
from impasto.identifiers import JobId, new_id
from impasto.jobs import JobRecord, JobState
from impasto.kinds import Kind, all_kinds
from impasto.submission import NewJob, new_job_id, refuse_finished, request_digest, submit
from impasto.webhooks import JobEventChoice, WebhookUrl, secret_text, trace_parent
from impasto_gateway.parts import (
    Cursor,
    Limit,
    Page,
    Parts,
    ReadTransaction,
    Submitter,
    SubmitTransaction,
    TheParts,
    page,
)

router = APIRouter(prefix="/v1/jobs", tags=["jobs"])
_KEY: Final = re.compile(r"[\x21-\x7e]{1,255}")


class CallbackRequest(BaseModel):
    """Where this one job's events are sent, beside the tenant's webhooks."""

    model_config = ConfigDict(extra="forbid")

    url: WebhookUrl = Field(description="https, port 443 or 8443, a public address.")
    events: list[JobEventChoice] = Field(
        ["job.succeeded", "job.failed", "job.canceled"], min_length=1, max_length=5, description="Or `job.*` for all."
    )
    secret: str | None = Field(None, max_length=100, description="`whsec_` and base64; made if it is left out.")


class _Request(BaseModel):
    model_config = ConfigDict(extra="forbid")

    priority: int = Field(0, ge=-10, le=10, description="Higher goes first.")
    deadline_s: float | None = Field(
        None, gt=0, le=30 * 86400, allow_inf_nan=False, description="Seconds from now by which the job must have ended."
    )
    callback: CallbackRequest | None = None
    require_worker: bool = Field(False, description="Refuse the job if no live worker can run it, instead of waiting.")


class AcceptedJob(JobRecord):
    """A job as it was accepted; `callback_secret` is what its callback is signed with, shown here alone."""

    callback_secret: str | None = None


def _request_of(kind: Kind[Any, Any]) -> type[BaseModel]:
    name = "Submit" + "".join(part.title() for part in re.split(r"[._]", kind.name))
    return create_model(
        name,
        __base__=_Request,
        __doc__=kind.summary,
        kind=(Literal[kind.name], ...),  # type: ignore[arg-type]  # the name is known at run time alone
        params=(kind.params, ...),
    )


if TYPE_CHECKING:
    JobRequest = _Request
else:
    # One union of all kinds, told apart by `kind`: a fault is named at its exact place.
    JobRequest = Annotated[
        functools.reduce(operator.or_, [_request_of(kind) for kind in all_kinds().values()]),
        Field(discriminator="kind"),
    ]


@router.post("", status_code=202, summary="Submit a job", operation_id="submit_job", responses=documented(409))
async def submit_job(
    request: Annotated[JobRequest, Body()],
    caller: Submitter,
    connection: SubmitTransaction,
    the: TheParts,
    response: Response,
    after: BackgroundTasks,
    idempotency_key: Annotated[str | None, Header(description="The same key again answers the same job.")] = None,
    traceparent: Annotated[
        str | None, Header(description="Passed on if it has the form that the W3C gives it.")
    ] = None,
) -> AcceptedJob:
    """Accepts a job, durably: after this answer it will reach an end, whatever is switched off meanwhile."""
    if idempotency_key is not None and not _KEY.fullmatch(idempotency_key):
        raise InvalidInput("idempotency_key_invalid", "an Idempotency-Key has 1 to 255 printable ASCII characters")
    body = request.model_dump(mode="json")
    for later in ("callback", "require_worker"):
        if not body[later]:
            del body[later]  # a body without one is the same as before there were any
    now = datetime.now(UTC)
    job = NewJob(
        id=new_job_id(),
        kind=all_kinds()[body["kind"]],
        params=body["params"],
        priority=body["priority"],
        finish_by=now + timedelta(seconds=body["deadline_s"]) if body["deadline_s"] else None,
        idempotency_key=idempotency_key,
        request_sha256=request_digest(body),
        traceparent=trace_parent(traceparent),
        callback=_callback(request, the, caller.tenant_id),
        require_worker=request.require_worker,
    )
    submitted = await submit(PostgresInbox(connection), job)
    response.headers["Location"] = f"/v1/jobs/{submitted.job.id}"
    if submitted.bell:
        # Background tasks run after the answer is sent, which is after the commit.
        after.add_task(the.ringer.ring, caller.tenant_id, submitted.bell)
    sealed = await PostgresEndpoints(connection).callback_secret(submitted.job.id) if job.callback else None
    return AcceptedJob(**submitted.job.model_dump(), callback_secret=_shown(sealed, the))


def _shown(sealed: bytes | None, the: Parts) -> str | None:
    """A job that was accepted before may have a secret that cannot be read: its key is lost, its job is not."""
    try:
        return secret_text(the.vault.open(sealed)) if sealed else None
    except ValueError:
        return None


def _callback(request: _Request, the: Parts, tenant_id: str) -> NewEndpoint | None:
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
) -> Page[JobRecord]:
    """The tenant's jobs, newest first."""
    found = await list_jobs(connection, state=state, kind=kind, before=cursor, most=limit + 1)
    return page(found, limit)


@router.get("/{job_id}", summary="Look at a job", operation_id="get_job")
async def get_job(job_id: JobId, connection: ReadTransaction) -> JobRecord:
    """State, progress, and in the end the result or the error."""
    job = await job_by_id(connection, job_id)
    if job is None:
        raise NotFound("job", job_id)
    return job


@router.post(
    "/{job_id}/cancel", status_code=202, summary="Cancel a job", operation_id="cancel_job", responses=documented(409)
)
async def cancel_job(job_id: JobId, connection: SubmitTransaction, the: TheParts, after: BackgroundTasks) -> JobRecord:
    """A queued job ends at once; a running one within seconds. Asking again changes nothing."""
    if asked := await request_cancel(connection, job_id):
        # News of what is not committed yet would be looked up too early, and not told again.
        after.add_task(the.ringer.tell, job_id)
        return asked
    job = await get_job(job_id, connection)
    refuse_finished(job)
    return job
