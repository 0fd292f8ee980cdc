"""The asynchronous client's webhooks."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable

from impasto.client import resources, webhooks
from impasto.client.asynchronous_transport import AsyncTransport
from impasto.client.webhooks import CreatedWebhook
from impasto.webhooks import WebhookDelivery, WebhookEndpoint


class AsyncWebhooks:
    """Where events are sent; needs a key with scope `webhooks`."""

    def __init__(self, transport: AsyncTransport) -> None:
        self._transport = transport

    def list(self, *, limit: int | None = None) -> AsyncIterator[WebhookEndpoint]:
        return self._transport.iterate(resources.pages(WebhookEndpoint, "webhooks", most=limit))

    async def get(self, endpoint_id: str) -> WebhookEndpoint:
        return await self._transport.run(resources.fetch(WebhookEndpoint, "webhooks", endpoint_id))

    async def create(
        self, url: str, events: Iterable[str] = ("*",), *, description: str = "", secret: str | None = None
    ) -> CreatedWebhook:
        """A new endpoint, `pending` until it answers a ping; its secret is in this answer and nowhere else."""
        body = webhooks.new_webhook(url, events, description, secret)
        return await self._transport.run(resources.create(CreatedWebhook, body, "webhooks"))

    async def change(
        self,
        endpoint_id: str,
        *,
        url: str | None = None,
        events: Iterable[str] | None = None,
        description: str | None = None,
        enabled: bool | None = None,
    ) -> WebhookEndpoint:
        """Changes what is given; another URL, or enabling, asks for a new ping to be answered."""
        chosen = None if events is None else list(events)
        changes = {"url": url, "events": chosen, "description": description, "enabled": enabled}
        return await self._transport.run(webhooks.changing(endpoint_id, changes))

    async def remove(self, endpoint_id: str) -> None:
        await self._transport.run(resources.remove("webhooks", endpoint_id))

    async def rotate(self, endpoint_id: str, *, secret: str | None = None, overlap_s: int = 86400) -> CreatedWebhook:
        """A new secret; for `overlap_s` seconds the old one signs too."""
        return await self._transport.run(webhooks.rotating(endpoint_id, secret, overlap_s))

    async def ping(self, endpoint_id: str) -> WebhookEndpoint:
        return await self._transport.run(webhooks.pinging(endpoint_id))

    def deliveries(
        self,
        *,
        endpoint: str | None = None,
        state: str | None = None,
        job: str | None = None,
        limit: int | None = None,
    ) -> AsyncIterator[WebhookDelivery]:
        """Attempts to send, newest first."""
        flow = resources.pages(
            WebhookDelivery, "webhooks", "deliveries", most=limit, endpoint=endpoint, state=state, job=job
        )
        return self._transport.iterate(flow)

    async def replay(self, delivery_id: str) -> WebhookDelivery:
        """Sends that event to that endpoint again; the new delivery."""
        return await self._transport.run(webhooks.replaying(delivery_id))
