"""What a family says of weights or of its own libraries, as the job's end: with the code and the place in the files."""

from __future__ import annotations

from impasto.errors import JobFailed
from impasto_ml.weights import WeightsError


def named_fault(error: BaseException) -> JobFailed | None:
    """The end of a job whose weights were refused, or which needs a library that is missing; None for other errors."""
    if isinstance(error, WeightsError):
        return JobFailed(error.code, str(error), where=error.where)
    # Of any family: whoever lacks an optional library says how to install it.
    if isinstance(error, ImportError) and (hint := getattr(error, "hint", None)):
        return JobFailed("library_missing", f"the worker lacks {error.name}", hint=str(hint), library=error.name)
    return None
