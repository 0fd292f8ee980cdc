"""Bodies and answers of webhooks, shared by both clients."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pydantic import BaseModel

from impasto.client.answers import send
from impasto.client.flow import Flow, Request
from impasto.client.resources import place
from impasto.webhooks import WebhookDelivery, WebhookEndpoint


class CreatedWebhook(BaseModel):
    """An endpoint with its secret, which is shown this once."""

    secret: str
    endpoint: WebhookEndpoint


def new_webhook(url: str, events: Iterable[str], description: str, secret: str | None) -> dict[str, Any]:
    """The body that asks for an endpoint."""
    body = {"url": url, "events": list(events), "description": description}
    return body | ({"secret": secret} if secret else {})


def changing(endpoint_id: str, changes: dict[str, Any]) -> Flow[WebhookEndpoint]:
    """Changes what is named; None is left as it is."""
    body = {name: value for name, value in changes.items() if value is not None}
    answer = yield from send(Request("PATCH", place("webhooks", endpoint_id), body=body))
    return WebhookEndpoint.model_validate_json(answer.content)


def rotating(endpoint_id: str, secret: str | None, overlap_s: int) -> Flow[CreatedWebhook]:
    """A new secret. Not tried again after a lost answer: the secret in it would be lost too."""
    body = {"overlap_s": overlap_s} | ({"secret": secret} if secret else {})
    request = Request("POST", place("webhooks", endpoint_id, "rotate"), body=body, repeatable=False)
    answer = yield from send(request)
    return CreatedWebhook.model_validate_json(answer.content)


def pinging(endpoint_id: str) -> Flow[WebhookEndpoint]:
    """Sends a `webhook.ping`."""
    answer = yield from send(Request("POST", place("webhooks", endpoint_id, "ping")))
    return WebhookEndpoint.model_validate_json(answer.content)


def replaying(delivery_id: str) -> Flow[WebhookDelivery]:
    """Sends that event again."""
    path = place("webhooks", "deliveries", delivery_id, "replay")
    answer = yield from send(Request("POST", path, repeatable=False))
    return WebhookDelivery.model_validate_json(answer.content)
