"""The usual submission without what it does not need: a known key, a sound body, a job that stands alone.

Whatever is unusual is left to the route as FastAPI makes it, which alone knows how to refuse. Nothing has happened then
that it would do again.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final, NamedTuple

from psycopg import DataError
from pydantic import TypeAdapter, ValidationError
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from impasto.backends.telemetry import spans
from impasto.backends.web.access import Caller, count_request, known_caller
from impasto.backends.web.problems import problem_of
from impasto.errors import ImpastoError
from impasto.submission import NewJob, new_job, new_job_id, request_digest, stands_alone
from impasto.tenants import allows
from impasto_gateway.accepting import ACCEPTS, tell_accepted
from impasto_gateway.job_requests import AcceptedJob, JobFields, JobRequest, asked_for, is_key
from impasto_gateway.parts import Parts

_BODY: Final[TypeAdapter[JobFields]] = TypeAdapter(JobRequest)
_JSON: Final = "application/json"


class _Route(NamedTuple):
    path: str


# What the frame of every request counts it by, where no router has looked for one.
_ROUTE: Final = _Route("/v1/jobs")


class QuickSubmission:
    """Inside the frame of every request, before FastAPI looks for a route, which costs a quarter of a submission."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] != _ROUTE.path or scope["method"] != "POST":
            await self._app(scope, receive, send)
            return
        scope["route"] = _ROUTE  # whatever goes wrong here is counted there as well
        request = Request(scope, receive)
        try:
            response = await _accept(request)
        except ImpastoError as error:
            response = problem_of(request, error)
        if response is None:
            await self._app(scope, await _unread(request, receive), send)
            return
        await response(scope, receive, send)


async def _unread(request: Request, receive: Receive) -> Receive:
    """Says the body once more, if it was read."""
    try:
        body = await request.body()
    except ClientDisconnect:
        return receive
    said = False

    async def again() -> Message:
        nonlocal said
        if said:
            return await receive()
        said = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again


async def _accept(request: Request) -> Response | None:
    """The answer to a job that was accepted here, or None.

    Raises:
        LimitExceeded: the key asks faster than it may.
        Unavailable: the database does not answer.
    """
    headers, the = request.headers, request.app.state.parts
    key = headers.get("idempotency-key")
    if "prefer" in headers or headers.get("content-type") != _JSON or not (key is None or is_key(key)):
        return None
    caller = await known_caller(request)
    if caller is None or caller.has_quotas or not allows(caller.scopes, "submit"):
        return None
    try:
        asked = _BODY.validate_json(await request.body())
    except (ValidationError, ClientDisconnect):
        return None
    body = asked_for(asked)
    job = new_job(new_job_id(), body, request.state.traceparent)
    if asked.callback is not None or not stands_alone(job):
        return None
    await count_request(request)
    if key is not None:
        job = replace(job, idempotency_key=key, request_sha256=request_digest(body))
    return await _answer(the, caller, job)


async def _answer(the: Parts, caller: Caller, job: NewJob) -> Response | None:
    try:
        with spans.span("INSERT jobs", "client", attributes=ACCEPTS):
            accepted = await the.group_commit.accept(caller.tenant_id, job)
    except DataError:
        return None  # it holds what cannot be stored
    if accepted is None:
        return None  # its Idempotency-Key is taken: by what, the whole route finds out
    record, bell = accepted
    tell_accepted(record)
    if bell:
        await the.ringer.ring(caller.tenant_id, bell)
    content = AcceptedJob.model_construct(**dict(record), callback_secret=None).model_dump_json()
    return Response(content, 202, {"Location": f"/v1/jobs/{record.id}"}, _JSON)
