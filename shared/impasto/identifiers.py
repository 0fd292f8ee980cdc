"""Identifiers: a typed prefix and 26 characters that sort by the time they were made (ULID)."""

from __future__ import annotations

import os
import re
import time
from typing import Annotated, Final

from pydantic import StringConstraints

_ALPHABET: Final = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford's base 32, lower case
_BODY: Final = f"[{_ALPHABET}]{{26}}"

PREFIXES: Final = {
    "tnt": "tenant",
    "art": "artwork",
    "dst": "dataset",
    "dsv": "dataset version",
    "ckp": "checkpoint",
    "evl": "evaluation",
    "sty": "style",
    "job": "job",
    "pip": "pipeline",
    "req": "request",
    "whk": "webhook endpoint",
    "evt": "webhook event",
    "dlv": "webhook delivery",
    "sch": "schedule",
}


def new_id(prefix: str) -> str:
    """A new identifier such as `job_01jd...`: 48 bits of milliseconds, then 80 random bits.

    Raises:
        ValueError: the prefix is not one of `PREFIXES`.
    """
    if prefix not in PREFIXES:
        raise ValueError(f"unknown identifier prefix {prefix!r}; known are {', '.join(PREFIXES)}")
    number = (time.time_ns() // 1_000_000) << 80 | int.from_bytes(os.urandom(10), "big")
    digits = [_ALPHABET[(number >> shift) & 31] for shift in range(125, -5, -5)]
    return f"{prefix}_{''.join(digits)}"


def is_id(text: str, prefix: str) -> bool:
    """Whether `text` has the form of an identifier with this prefix."""
    return re.fullmatch(f"{prefix}_{_BODY}", text) is not None


ArtworkId = Annotated[str, StringConstraints(pattern=f"^art_{_BODY}$")]
DatasetId = Annotated[str, StringConstraints(pattern=f"^dst_{_BODY}$")]
DatasetVersionId = Annotated[str, StringConstraints(pattern=f"^dsv_{_BODY}$")]
CheckpointId = Annotated[str, StringConstraints(pattern=f"^ckp_{_BODY}$")]
EvaluationId = Annotated[str, StringConstraints(pattern=f"^evl_{_BODY}$")]
StyleId = Annotated[str, StringConstraints(pattern=f"^sty_{_BODY}$")]
JobId = Annotated[str, StringConstraints(pattern=f"^job_{_BODY}$")]
PipelineId = Annotated[str, StringConstraints(pattern=f"^pip_{_BODY}$")]
WebhookEndpointId = Annotated[str, StringConstraints(pattern=f"^whk_{_BODY}$")]
WebhookDeliveryId = Annotated[str, StringConstraints(pattern=f"^dlv_{_BODY}$")]
ScheduleId = Annotated[str, StringConstraints(pattern=f"^sch_{_BODY}$")]
Sha256 = Annotated[str, StringConstraints(pattern="^[0-9a-f]{64}$")]
PictureId = Annotated[str, StringConstraints(pattern=f"^(art_{_BODY}|sha256:[0-9a-f]{{64}})$")]
