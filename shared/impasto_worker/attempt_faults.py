"""What a job is told of a fault that nobody foresaw: no words of the error, which may quote a customer."""

from __future__ import annotations

import errno
from typing import Any


def record_of(error: Exception) -> dict[str, Any]:
    """The record of a failed job, with its code."""
    if isinstance(error, OSError) and error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return {"code": "storage_full", "message": "the worker's disk is full", "hint": "free space, then submit again"}
    return {"code": "internal_error", "message": "a fault in Impasto itself; its log has the details"}
