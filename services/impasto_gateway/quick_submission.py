"""The usual submission without what it does not need: a known key, a sound body, a job that stands alone.

Whatever is unusual is left to the route as FastAPI makes it, which alone knows how to refuse. Nothing has happened then
that it would do again.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import Any, Final

from fastapi import Request, Response
from fastapi.routing import APIRoute
from pydantic import TypeAdapter, ValidationError
from starlette.requests import ClientDisconnect

from impasto.backends.telemetry import spans
from impasto.backends.web.access import Caller, count_request, known_caller
from impasto.submission import NewJob, new_job, new_job_id, request_digest, stands_alone
from impasto.tenants import allows
from impasto_gateway.accepting import ACCEPTS, tell_accepted
from impasto_gateway.job_requests import AcceptedJob, JobFields, JobRequest, asked_for, is_key
from impasto_gateway.parts import Parts

_BODY: Final[TypeAdapter[JobFields]] = TypeAdapter(JobRequest)
_JSON: Final = "application/json"

Handler = Callable[[Request], Coroutine[Any, Any, Response]]


class QuickSubmission(APIRoute):
    """The route of `POST /v1/jobs`."""

    def get_route_handler(self) -> Handler:
        whole = super().get_route_handler()

        async def handle(request: Request) -> Response:
            return await _accept(request) or await whole(request)

        return handle


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
    caller = known_caller(request)
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
    return await _answer(the, caller, replace(job, idempotency_key=key, request_sha256=request_digest(body)))


async def _answer(the: Parts, caller: Caller, job: NewJob) -> Response | None:
    with spans.span("INSERT jobs", "client", attributes=ACCEPTS):
        accepted = await the.group_commit.accept(caller.tenant_id, job)
    if accepted is None:
        return None  # its Idempotency-Key is taken: by what, the whole route finds out
    record, bell = accepted
    tell_accepted(record)
    if bell:
        await the.ringer.ring(caller.tenant_id, bell)
    content = AcceptedJob.model_construct(**dict(record), callback_secret=None).model_dump_json()
    return Response(content, 202, {"Location": f"/v1/jobs/{record.id}"}, _JSON)
