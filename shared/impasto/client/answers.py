"""Answers to errors: a problem document, or no answer at all, becomes the right exception of `impasto.errors`."""

from __future__ import annotations

import json
from typing import Any, Final

from impasto.client.flow import Answer, Broken, Flow, Request
from impasto.errors import (
    CODES,
    AccessDenied,
    Conflict,
    ImpastoError,
    InvalidInput,
    LimitExceeded,
    NotFound,
    Unavailable,
)

_FRAME: Final = frozenset({"type", "title", "status", "detail", "code", "hint", "message"})
_CLASSES: Final[dict[int, type[ImpastoError]]] = {
    401: AccessDenied,
    403: AccessDenied,
    404: NotFound,
    409: Conflict,
    413: LimitExceeded,
    429: LimitExceeded,
}


def send(request: Request) -> Flow[Answer]:
    """The good answer to a request.

    Raises:
        ImpastoError: the platform refused, or did not answer after every retry.
    """
    got: Answer | Broken = yield request
    return checked(got)


def checked(got: Answer | Broken) -> Answer:
    """The answer, if it is a good one.

    Raises:
        ImpastoError: it is not; a problem's fields are in `data`.
    """
    if isinstance(got, Broken):
        raise unreachable(got)
    if got.status < 300:
        return got
    raise _refusal(got)


def unreachable(broken: Broken) -> Unavailable:
    """Nothing answered at the platform's address."""
    return Unavailable(
        "platform_unreachable",
        f"nothing answers at {broken.url} ({broken.reason})",
        hint="start it with `impasto up`, or set IMPASTO_URL to where it runs",
    )


def make(kind: type[ImpastoError], code: str, message: str, hint: str | None = None, **data: Any) -> ImpastoError:
    """An error of that class; a code this version does not know is kept as `data["server_code"]`."""
    if code not in CODES:
        data["server_code"], code = code, "internal_error"
    error = kind.__new__(kind)
    # NotFound has a signature of its own; what the server wrote is better than what could be rebuilt from it.
    ImpastoError.__init__(error, code, message, hint=hint, **data)
    return error


def _refusal(answer: Answer) -> ImpastoError:
    usual = Unavailable if answer.status >= 500 else InvalidInput
    problem = _document(answer.content)
    # A quota is no matter of the key, though both are answered with 403.
    kind = LimitExceeded if problem.get("code") == "quota_exceeded" else _CLASSES.get(answer.status, usual)
    if "code" not in problem:
        return make(
            kind,
            "platform_unreachable" if answer.status >= 500 else "value_invalid",
            f"the platform's address answered {answer.status} without saying why",
            "is this the address of an Impasto gateway, and does a proxy stand between?",
        )
    data = {name: value for name, value in problem.items() if name not in _FRAME}
    message = str(problem.get("detail") or problem.get("title") or problem["code"])
    return make(kind, str(problem["code"]), message, problem.get("hint"), **data)


def _document(content: bytes) -> dict[str, Any]:
    try:
        found = json.loads(content)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
