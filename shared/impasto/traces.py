"""Trace contexts: the one id that a request, its job, their log lines, their spans and their webhooks share.

https://www.w3.org/TR/trace-context/: `00-<trace id>-<span id>-<flags>`.
"""

from __future__ import annotations

import os
import re
from typing import Final

# Identifiers of zeros and version ff are none.
_TRACEPARENT: Final = re.compile(r"(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")


def trace_parent(text: str | None) -> str | None:
    """The `traceparent`, if it is one; what is none is to be taken as if it had not been sent."""
    return text if text and _TRACEPARENT.fullmatch(text) else None


def new_trace_parent() -> str:
    """The context of a trace that begins here and of which nobody records spans."""
    return f"00-{os.urandom(16).hex()}-{os.urandom(8).hex()}-00"


def trace_id_of(traceparent: str | None) -> str | None:
    """The trace's id in a context, 32 hexadecimal digits; None if it is none."""
    return traceparent[3:35] if trace_parent(traceparent) and traceparent else None
