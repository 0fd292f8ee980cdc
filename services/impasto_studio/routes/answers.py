"""The API's refusals as answers of the studio's own routes."""

from __future__ import annotations

import logging
from typing import Final

from fastapi.responses import JSONResponse

from impasto.errors import AccessDenied, Conflict, ImpastoError, InvalidInput, LimitExceeded, NotFound, Unavailable

_LOG: Final = logging.getLogger(__name__)
_STATUS: Final[dict[type[ImpastoError], int]] = {
    AccessDenied: 401,
    NotFound: 404,
    Conflict: 409,
    LimitExceeded: 413,
    InvalidInput: 422,
    Unavailable: 503,
}


def refusal(error: ImpastoError) -> JSONResponse:
    """The error as JSON: `code`, `message`, maybe `hint`."""
    status = _STATUS.get(type(error), 503)
    if status == 503:
        # Whoever looks at the page sees an empty frame; whoever runs the platform sees why.
        asked = {"request_id": error.data["request_id"]} if "request_id" in error.data else {}
        _LOG.warning("the platform could not serve this: %s (%s)", error.message, error.code, extra=asked)
    told = {"code": error.code, "message": error.message} | ({"hint": error.hint} if error.hint else {})
    return JSONResponse(told, status_code=status, headers={"Cache-Control": "no-store"})
