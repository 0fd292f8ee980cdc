"""Why a picture is not taken."""

from __future__ import annotations

from typing import Any


class Refused(Exception):
    """The picture is not taken; `code` is one of `impasto.errors.CODES`.

    Not an `ImpastoError`: the child that raises it imports nothing of the platform.
    """

    def __init__(self, code: str, message: str, *, hint: str | None = None, **data: Any) -> None:
        super().__init__(message)
        self.code, self.message, self.hint, self.data = code, message, hint, data

    def as_record(self) -> dict[str, Any]:
        """As JSON: code, message, and hint, limit and actual where there are any."""
        hint = {"hint": self.hint} if self.hint else {}
        return {"code": self.code, "message": self.message} | hint | self.data
