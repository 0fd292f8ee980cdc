"""The one table from error codes to HTTP statuses, and errors as RFC 9457 problem documents."""

from __future__ import annotations

import logging
import math
from typing import Any, Final

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from psycopg import DataError
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from impasto.errors import CODES, ImpastoError
from impasto.faults import trace_of
from impasto.kinds import all_kinds

_LOG = logging.getLogger("impasto.web")
PROBLEM_TYPE: Final = "application/problem+json"
_JSON: Final = "application/json"

STATUSES: Final[dict[str, int]] = {
    "json_invalid": 400,
    "content_type_unsupported": 415,
    "form_limits": 400,
    "body_too_large": 413,
    "request_timeout": 408,
    "idempotency_key_invalid": 400,
    "cursor_invalid": 400,
    "method_not_allowed": 405,
    "unauthenticated": 401,
    "scope_missing": 403,
    "not_found": 404,
    "rate_limited": 429,
    "quota_exceeded": 403,
    "image_format_unsupported": 415,
    "job_already_finished": 409,
    "job_not_finished": 409,
    "job_succeeded": 409,
    "pipeline_already_finished": 409,
    "pipeline_not_finished": 409,
    "pipeline_succeeded": 409,
    "result_not_ready": 404,
    "checkpoint_not_measured": 409,
    "name_taken": 409,
    "no_worker_for_job": 409,
    "schedule_ended": 409,
    "schedule_limit": 409,
    "webhook_limit": 409,
    "webhook_disabled": 409,
    "webhook_key_missing": 503,
    "storage_unavailable": 503,
    "database_unavailable": 503,
    "internal_error": 500,
}


class Fault(BaseModel):
    """One fault in a request: where it is and what is allowed there."""

    field: str
    code: str
    message: str
    limit: Any = None
    actual: Any = None


class Problem(BaseModel):
    """RFC 9457. `code` is stable and listed in docs/errors.md; `request_id` is in the logs as well."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    request_id: str
    hint: str | None = None
    errors: list[Fault] | None = None


_WORDS: Final = {
    400: "The request cannot be read.",
    401: "No valid API key.",
    403: "The key lacks the scope, or a quota is used up.",
    404: "There is no such thing, or it is not yours.",
    409: "The thing's state does not allow this.",
    413: "The body is too large.",
    415: "The body's content type is not the one this address takes.",
    422: "A value is not allowed; `errors` names each place.",
    429: "The key asks faster than it may; `Retry-After` says when to ask again.",
    503: "A part of the platform does not answer; try again.",
}


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The `responses` of a route or application that may answer with these problems."""
    schema = {"schema": {"$ref": "#/components/schemas/Problem"}}
    return {status: {"description": _WORDS[status], "content": {PROBLEM_TYPE: schema}} for status in statuses}


def documented_schemas(document: dict[str, Any]) -> dict[str, Any]:
    """The OpenAPI document with the schema of problems, and without those that FastAPI adds and nobody sends.

    Whatever takes JSON may also answer that something else came.
    """
    schemas = document["components"]["schemas"]
    for path in document["paths"].values():
        for operation in path.values():
            if _JSON in operation.get("requestBody", {}).get("content", {}):
                answers = {**operation["responses"], **{str(s): told for s, told in documented(415).items()}}
                operation["responses"] = dict(sorted(answers.items()))
    for unsent in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unsent, None)
    own = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas |= own.pop("$defs")
    schemas["Problem"] = own
    return document


# What pydantic calls a fault, as our codes. Anything else is `value_invalid`.
_FAULTS: Final = {
    "extra_forbidden": "field_unknown",
    "missing": "field_missing",
    "json_invalid": "json_invalid",
    "prompt_invalid": "prompt_invalid",
    # Found by the check of pipelines, which tells its faults in pydantic's form.
    **{
        code: code
        for code in (
            "kind_unknown",
            "step_unknown",
            "steps_cyclic",
            "reference_invalid",
            "condition_invalid",
            "value_invalid",
            "checkpoint_not_measured",
        )
    },
    "union_tag_invalid": "kind_unknown",
    "union_tag_not_found": "field_missing",
    "finite_number": "value_out_of_range",
    "greater_than": "value_out_of_range",
    "greater_than_equal": "value_out_of_range",
    "less_than": "value_out_of_range",
    "less_than_equal": "value_out_of_range",
    "too_long": "value_out_of_range",
    "too_short": "value_out_of_range",
    "string_too_long": "value_out_of_range",
    "string_too_short": "value_out_of_range",
}
_LIMITS: Final = ("gt", "ge", "lt", "le", "max_length", "min_length", "expected", "pattern", "expected_tags")


def status_of(code: str) -> int:
    """The HTTP status of an error code; 422 unless the table says otherwise."""
    return STATUSES.get(code, 422)


def problem_document(request_id: str, code: str, detail: str, **members: Any) -> dict[str, Any]:
    """A problem document (RFC 9457). It names fields and limits, never the content that was sent."""
    document = {
        "type": f"https://impasto.invalid/errors/{code}",
        "title": CODES[code],
        "status": status_of(code),
        "detail": detail,
        "code": code,
        "request_id": request_id,
    }
    return document | {name: value for name, value in members.items() if value is not None}


def problem(request: Request, code: str, detail: str, **members: Any) -> JSONResponse:
    """The answer that carries a problem document."""
    document = problem_document(request.state.request_id, code, detail, **members)
    status = document["status"]
    return JSONResponse(document, status_code=status, media_type=PROBLEM_TYPE, headers=_headers(document))


def _headers(document: dict[str, Any]) -> dict[str, str]:
    if document["status"] == 401:
        return {"WWW-Authenticate": "Bearer"}
    wait_s = document.get("retry_after_s", 5 if document["status"] == 503 else None)
    return {} if wait_s is None else {"Retry-After": str(max(1, math.ceil(wait_s)))}


def install(app: FastAPI) -> None:
    """Makes every error of this application a problem document."""
    app.add_exception_handler(ImpastoError, _impasto_error)
    app.add_exception_handler(RequestValidationError, _validation_error)
    app.add_exception_handler(DataError, _data_error)
    app.add_exception_handler(HTTPException, _http_error)


def problem_of(request: Request, error: ImpastoError) -> JSONResponse:
    """The answer that tells this error."""
    return problem(request, error.code, error.message, hint=error.hint, **error.data)


async def _impasto_error(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, ImpastoError)
    return problem_of(request, error)


async def _validation_error(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    if isinstance(error.body, bytes) and any(found["loc"] == ("body",) for found in error.errors()):
        # FastAPI leaves a body as bytes if its content type is not JSON's.
        return problem(request, "content_type_unsupported", f"this address takes {_JSON}", limit=_JSON)
    faults = [_fault(found) for found in error.errors()[:50]]
    first = faults[0]
    detail = f"{first['field']}: {first['message']}" + (f" (and {len(faults) - 1} more)" if len(faults) > 1 else "")
    return problem(request, first["code"], detail, errors=faults)


async def _data_error(request: Request, error: Exception) -> JSONResponse:
    """The net under the validation: what the database cannot hold is the caller's; its own words tell content."""
    _LOG.warning("request %s holds what the database refuses\n%s", request.state.request_id, trace_of(error))
    return problem(request, "value_invalid", "a value holds what cannot be stored, such as a NUL character")


async def _http_error(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    # No form is read here: what FastAPI cannot read is JSON of no known encoding, too deep, or with endless numbers.
    codes = {400: "json_invalid", 404: "not_found", 405: "method_not_allowed", 413: "body_too_large"}
    code = codes.get(error.status_code, "internal_error")
    answer = problem(request, code, CODES[code] if code == "not_found" else str(error.detail))
    if allowed := (error.headers or {}).get("Allow"):
        answer.headers["Allow"] = allowed  # RFC 9110: a 405 names the methods that there are
    return answer


def _place(found: dict[str, Any]) -> str:
    """Where the fault is, as the caller wrote it: `params.strength`, `limit`, or `body` for all of it."""
    if found["type"] == "json_invalid":
        return "body"  # FastAPI tells the number of a character
    parts = [str(part) for part in found["loc"]]
    within = parts[1:]
    # The union of kinds puts the kind's name between a job and its fields.
    job = {"jobs": 2, "job": 1}.get(within[0] if within else "", 0)
    if parts[0] == "body" and within[job : job + 1] and within[job] in all_kinds():
        del within[job]
    if found["type"] in {"union_tag_invalid", "union_tag_not_found"}:
        within.append(str(found["ctx"]["discriminator"]).strip("'"))
    return ".".join(within) or "body"


def _message(found: dict[str, Any]) -> str:
    # Pydantic repeats the tag that was sent.
    if found["type"] == "union_tag_invalid":
        return f"no job kind of that name; there are {', '.join(sorted(all_kinds()))}"
    return str(found["msg"]).removeprefix("Value error, ")


def _fault(found: dict[str, Any]) -> dict[str, Any]:
    """One fault: where, what, and what is allowed. The value that was sent is told only if it is a number."""
    fault: dict[str, Any] = {
        "field": _place(found),
        "code": _FAULTS.get(found["type"], "value_invalid"),
        "message": _message(found),
    }
    if limit := {name: found["ctx"][name] for name in _LIMITS if name in found.get("ctx", {})}:
        fault["limit"] = limit
    if isinstance(actual := found.get("input"), (int, float)) and not isinstance(actual, bool):
        fault["actual"] = actual if abs(actual) < 1e300 else str(actual)
    return fault
