"""Delivery: endpoints are registered and rotated, and one attempt to send is signed, sent, judged and recorded."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, Protocol

from impasto.errors import LimitExceeded, NotFound
from impasto.faults import trace_of
from impasto.traces import trace_parent
from impasto.webhook_places import Place
from impasto.webhooks import (
    MOST_ENDPOINTS,
    Reply,
    Verdict,
    WebhookEndpoint,
    WebhookEvent,
    judge,
    new_secret,
    parse_secret,
    signature_headers,
)

_LOG: Final = logging.getLogger("impasto.webhooks")


@dataclass(frozen=True, slots=True)
class NewEndpoint:
    """An endpoint, or with `job_id` a job's callback, about to be stored; its secret is sealed."""

    id: str
    url: str
    lane: str
    events: list[str]
    secret: bytes
    description: str = ""
    job_id: str | None = None


@dataclass(frozen=True, slots=True)
class ClaimedDelivery:
    """An attempt in the hands of a notifier: it holds the lease, and the epoch fences a late record."""

    id: str
    epoch: int
    attempt: int
    tenant_id: str
    lane: str
    endpoint_id: str
    url: str
    event: WebhookEvent
    secret: bytes
    previous_secret: bytes | None = None
    traceparent: str | None = None


class Vault(Protocol):
    """Keeps secrets unreadable at rest."""

    def seal(self, secret: bytes) -> bytes: ...

    def open(self, sealed: bytes) -> bytes:
        """Raises:
        ValueError: it was sealed with another key.
        """
        ...


class Gate(Protocol):
    """Knows where webhooks may go."""

    async def admit(self, url: str, whose: str) -> Place:
        """For that tenant.

        Raises:
        InvalidInput: not there.
        """
        ...


class Endpoints(Protocol):
    """A tenant's endpoints, within a transaction that the caller commits."""

    async def count(self) -> int:
        """How many there are; until the commit nobody else adds one."""
        ...

    async def add(self, endpoint: NewEndpoint) -> WebhookEndpoint: ...

    async def ping(self, endpoint_id: str) -> str | None:
        """Writes a `webhook.ping`; gives the event's id, or None if there is no such endpoint."""
        ...

    async def rotate(self, endpoint_id: str, secret: bytes, overlap: timedelta) -> WebhookEndpoint | None: ...


class Sender(Protocol):
    """Sends one request and reads a little of the answer; whatever goes wrong is told in the reply."""

    async def send(self, url: str, headers: dict[str, str], body: bytes, whose: str) -> Reply:
        """For that tenant."""
        ...


class Ledger(Protocol):
    """Records attempts."""

    async def record(self, delivery: ClaimedDelivery, reply: Reply, verdict: Verdict) -> bool:
        """Whether the attempt was still this notifier's to record."""
        ...


def chosen_secret(given: str | None) -> tuple[str, bytes]:
    """The secret as text, made if none is given, and as bytes.

    Raises:
        InvalidInput: the given one has not the form of a secret.
    """
    text = given or new_secret()
    return text, parse_secret(text)


async def register(endpoints: Endpoints, endpoint: NewEndpoint) -> WebhookEndpoint:
    """Stores an endpoint whose address was admitted, and challenges it; the caller commits.

    Raises:
        LimitExceeded: the tenant has as many as are allowed.
    """
    if await endpoints.count() >= MOST_ENDPOINTS:
        raise LimitExceeded(
            "webhook_limit",
            f"a tenant has at most {MOST_ENDPOINTS} webhook endpoints",
            hint="remove one, or give a job a callback of its own",
            limit=MOST_ENDPOINTS,
        )
    made = await endpoints.add(endpoint)
    await endpoints.ping(made.id)
    return made


async def rotate(
    endpoints: Endpoints, vault: Vault, endpoint_id: str, given: str | None, overlap: timedelta
) -> tuple[WebhookEndpoint, str]:
    """Gives an endpoint a new secret; the old one signs too for as long as `overlap`.

    Raises:
        InvalidInput: the given secret has not the form of one.
        NotFound: there is no such endpoint.
    """
    text, secret = chosen_secret(given)
    endpoint = await endpoints.rotate(endpoint_id, vault.seal(secret), overlap)
    if endpoint is None:
        raise NotFound("webhook endpoint", endpoint_id)
    return endpoint, text


async def deliver(delivery: ClaimedDelivery, sender: Sender, vault: Vault, ledger: Ledger) -> Verdict:
    """One attempt, from the claim to the record. No transaction is open while the request is under way."""
    began = time.monotonic()
    try:
        reply = await _attempt(delivery, sender, vault)
    except Exception as error:  # noqa: BLE001  what is not recorded would be claimed again, for ever
        _LOG.error("%s could not be sent\n%s", delivery.id, trace_of(error))
        reply = Reply(round((time.monotonic() - began) * 1000), error="internal_error")
    verdict = judge(delivery.attempt, reply)
    await ledger.record(delivery, reply, verdict)
    return verdict


async def _attempt(delivery: ClaimedDelivery, sender: Sender, vault: Vault) -> Reply:
    try:
        sealed = [delivery.secret, *filter(None, [delivery.previous_secret])]
        keys = [vault.open(secret) for secret in sealed]
    except ValueError:
        return Reply(0, error="secret_unreadable")
    body = delivery.event.body()
    headers = signature_headers(delivery.event.id, int(time.time()), body, keys)
    if trace := trace_parent(delivery.traceparent):
        headers["traceparent"] = trace
    return await sender.send(delivery.url, headers, body, delivery.tenant_id)
