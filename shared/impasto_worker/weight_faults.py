"""What a family says of weights or of its own libraries, as the job's end: with the code and the place in the files."""

from __future__ import annotations

from impasto.errors import JobFailed
from impasto_ml.weights import WeightsError


def named_fault(error: BaseException) -> JobFailed | None:
    """The end of a job whose weights or size were refused, or that lacks a library; None for other errors."""
    if isinstance(error, WeightsError):
        return JobFailed(error.code, str(error), where=error.where)
    # Of any family: whoever lacks an optional library says how to install it.
    if isinstance(error, ImportError) and (hint := getattr(error, "hint", None)):
        return JobFailed("library_missing", f"the worker lacks {error.name}", hint=str(hint), library=error.name)
    # A family that knows the nearest size it can draw says so.
    if isinstance(error, ValueError) and (nearest := getattr(error, "nearest", None)):
        return JobFailed("dimensions_invalid", f"the checkpoint cannot draw this: {error}", limit=list(nearest))
    return None
