"""Webhooks: where to send, what happened, each attempt to send it, and what follows from an answer."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import random
import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, Field

from impasto.errors import InvalidInput

PING: Final = "webhook.ping"
WEBHOOK_EVENT_TYPES: Final[dict[str, str]] = {
    "job.started": "a worker took the job; once for each attempt",
    "job.succeeded": "the job ended and has a result",
    "job.failed": "the job ended with an error; `error.code` tells which",
    "job.canceled": "the job ended because it was asked to",
    "artwork.accepted": "an uploaded file became an artwork",
    "artwork.refused": "an uploaded file was refused; `error.code` tells why",
    PING: "somebody wants to know whether the endpoint answers; every endpoint gets it",
}

EventChoice = Literal[
    "*",
    "job.*",
    "artwork.*",
    "job.started",
    "job.succeeded",
    "job.failed",
    "job.canceled",
    "artwork.accepted",
    "artwork.refused",
]
JobEventChoice = Literal["job.*", "job.started", "job.succeeded", "job.failed", "job.canceled"]
EndpointState = Literal["pending", "active", "disabled"]
DeliveryState = Literal["waiting", "delivered", "failed"]
WebhookUrl = Annotated[str, Field(max_length=2000, examples=["https://studio.example/hooks/impasto"])]

MOST_ENDPOINTS: Final = 20
# Pauses before each attempt in seconds: ten attempts over 75 hours and 35 minutes.
PAUSES_S: Final = (0, 5, 300, 1800, 7200, 18000, 36000, 50400, 72000, 86400)
JITTER: Final = 0.1
DISABLED_AFTER_S: Final = 120 * 3600
# Longer than any pause between two attempts: whoever failed before that has not gone on failing.
FORGIVEN_AFTER_S: Final = 48 * 3600
LONGEST_RETRY_AFTER_S: Final = 86400
MOST_HEAD_BYTES: Final = 4096
MOST_BODY_BYTES: Final = 20_000

_SECRET_PREFIX: Final = "whsec_"  # noqa: S105  the form, not a secret
_LEAST_SECRET_BYTES: Final = 24
_MOST_SECRET_BYTES: Final = 64


class WebhookEndpoint(BaseModel):
    """Where events are sent. `pending` until it has answered a `webhook.ping` with 2xx."""

    id: str
    url: str
    description: str
    events: list[EventChoice]
    state: EndpointState
    disabled_reason: Literal["asked", "gone", "failing"] | None = None
    failing_since: datetime | None = None
    previous_secret_until: datetime | None = None
    created_at: datetime


class WebhookDelivery(BaseModel):
    """One attempt to send one event to one endpoint; the next attempt is a delivery of its own."""

    id: str
    event_id: str
    type: str
    endpoint_id: str
    job_id: str | None = None
    attempt: int
    state: DeliveryState
    next_at: datetime
    status: int | None = None
    ms: int | None = None
    error: str | None = None
    response_head: str | None = None
    created_at: datetime
    finished_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class WebhookEvent:
    """What happened. `id` stays the same over every attempt: a receiver knows by it what it has seen."""

    id: str
    type: str
    data: dict[str, Any]
    occurred_at: datetime

    def body(self) -> bytes:
        """The bytes that are sent and signed; the same for every attempt."""
        timestamp = self.occurred_at.isoformat().replace("+00:00", "Z")
        body = {"type": self.type, "timestamp": timestamp, "data": self.data}
        return json.dumps(body, separators=(",", ":"), ensure_ascii=False).encode()


def new_secret() -> str:
    """A fresh secret of 32 random bytes, as its owner sees it."""
    return secret_text(secrets.token_bytes(32))


def secret_text(secret: bytes) -> str:
    """The secret as `whsec_` and base64."""
    return _SECRET_PREFIX + base64.b64encode(secret).decode("ascii")


def parse_secret(text: str) -> bytes:
    """The bytes of a secret.

    Raises:
        InvalidInput: it is not `whsec_` and the base64 of 24 to 64 bytes.
    """
    try:
        secret = base64.b64decode(text.removeprefix(_SECRET_PREFIX).encode("ascii"), validate=True)
    except (binascii.Error, UnicodeError):
        secret = b""
    if not text.startswith(_SECRET_PREFIX) or not _LEAST_SECRET_BYTES <= len(secret) <= _MOST_SECRET_BYTES:
        raise InvalidInput(
            "webhook_secret_invalid",
            "a secret is `whsec_` and the base64 of 24 to 64 bytes",
            hint="leave it out, and one is made",
            field="secret",
        )
    return secret


def signature_headers(event_id: str, at_s: int, body: bytes, keys: list[bytes]) -> dict[str, str]:
    """The headers of the Standard Webhooks specification, with a signature by each key; `at_s` is Unix time."""
    signed = f"{event_id}.{at_s}.".encode() + body
    signatures = [base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode("ascii") for key in keys]
    return {
        "webhook-id": event_id,
        "webhook-timestamp": str(at_s),
        "webhook-signature": " ".join(f"v1,{signature}" for signature in signatures),
    }


@dataclass(frozen=True, slots=True)
class Reply:
    """How an attempt went: a status with the beginning of the answer, or an error without a status."""

    ms: int
    status: int | None = None
    error: str | None = None
    head: str = ""
    retry_after_s: float | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """What follows from a reply; `again_in_s` is None if there is no further attempt."""

    delivered: bool
    error: str | None = None
    again_in_s: float | None = None
    gone: bool = False


def judge(attempt: int, reply: Reply, jitter: float | None = None) -> Verdict:
    """The rule of retries. Only 2xx is success; `jitter` in 0..1 spreads those that failed together."""
    status = reply.status
    if reply.error is None and status is not None and 200 <= status < 300:
        return Verdict(delivered=True)
    if status == 410:
        return Verdict(delivered=False, error="endpoint_gone", gone=True)
    error = reply.error or ("redirect" if status is not None and 300 <= status < 400 else "http_status")
    if attempt >= len(PAUSES_S):
        return Verdict(delivered=False, error=error)
    pause = PAUSES_S[attempt] * (1 + JITTER * (random.random() if jitter is None else jitter))  # noqa: S311
    if status in (429, 503) and reply.retry_after_s:
        pause = max(pause, min(reply.retry_after_s, LONGEST_RETRY_AFTER_S))
    return Verdict(delivered=False, error=error, again_in_s=pause)
