"""`/v1/webhooks`: endpoints of the tenant; scope `webhooks`."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, BackgroundTasks, Request
from pydantic import BaseModel, ConfigDict, Field

from impasto.artworks import ShortText
from impasto.backends.postgres.pools import tenant_transaction
from impasto.backends.postgres.webhooks import EndpointChange, PostgresEndpoints
from impasto.backends.web.problems import documented
from impasto.delivery import NewEndpoint, chosen_secret, register, rotate
from impasto.errors import Conflict, NotFound
from impasto.identifiers import WebhookEndpointId, new_id
from impasto.webhooks import EventChoice, WebhookEndpoint, WebhookUrl
from impasto_gateway.parts import Page, TheParts, WebhookOwner, WebhookTransaction

router = APIRouter(prefix="/v1/webhooks", tags=["webhooks"])

GivenSecret = Annotated[str | None, Field(max_length=100, description="`whsec_` and base64; made if it is left out.")]
Events = Annotated[list[EventChoice], Field(min_length=1, max_length=9)]


class EndpointRequest(BaseModel):
    """An endpoint to be made."""

    model_config = ConfigDict(extra="forbid")

    url: WebhookUrl = Field(description="https, port 443 or 8443, a public address.")
    events: Events = Field(["*"], description="Names of events, `job.*`, `artwork.*` or `*`.")
    description: ShortText = ""
    secret: GivenSecret = None


class EndpointPatch(BaseModel):
    """What is to be different."""

    model_config = ConfigDict(extra="forbid")

    url: WebhookUrl | None = None
    events: Events | None = None
    description: ShortText | None = None
    enabled: bool | None = Field(None, description="False ends what waits for it; true asks a disabled endpoint anew.")


class RotateRequest(BaseModel):
    """A new secret."""

    model_config = ConfigDict(extra="forbid")

    secret: GivenSecret = None
    overlap_s: int = Field(86400, ge=0, le=7 * 86400, description="For how long the old secret signs too.")


class EndpointShown(BaseModel):
    """The one time an endpoint's secret is shown."""

    secret: str
    endpoint: WebhookEndpoint


@router.post("", status_code=201, summary="Add a webhook", operation_id="create_webhook", responses=documented(409))
async def create_webhook(
    body: EndpointRequest, request: Request, caller: WebhookOwner, the: TheParts, after: BackgroundTasks
) -> EndpointShown:
    """A new endpoint, `pending` until it answers the `webhook.ping` sent now. Its secret is shown here alone."""
    text, secret = chosen_secret(body.secret)
    sealed = the.vault.seal(secret)
    # Names are looked up before a transaction is begun: nobody's name server holds a connection of ours.
    await the.gate.admit(body.url, caller.tenant_id)
    endpoint_id = new_id("whk")
    new = NewEndpoint(endpoint_id, body.url, endpoint_id, list(body.events), sealed, body.description)
    async with tenant_transaction(request.app.state.pool, caller.tenant_id) as connection:
        made = await register(PostgresEndpoints(connection), new)
    after.add_task(the.ringer.tell, endpoint_id)
    return EndpointShown(secret=text, endpoint=made)


@router.get("", summary="List webhooks", operation_id="list_webhooks")
async def get_webhooks(connection: WebhookTransaction) -> Page[WebhookEndpoint]:
    """Every endpoint of the tenant, newest first; never their secrets, and not the callbacks of single jobs."""
    return Page(items=await PostgresEndpoints(connection).all())


@router.get("/{endpoint_id}", summary="Look at a webhook", operation_id="get_webhook")
async def get_webhook(endpoint_id: WebhookEndpointId, connection: WebhookTransaction) -> WebhookEndpoint:
    """State, events, and since when it fails."""
    return _found(await PostgresEndpoints(connection).by_id(endpoint_id), endpoint_id)


@router.patch("/{endpoint_id}", summary="Change a webhook", operation_id="change_webhook")
async def change_webhook(
    endpoint_id: WebhookEndpointId,
    body: EndpointPatch,
    request: Request,
    caller: WebhookOwner,
    the: TheParts,
    after: BackgroundTasks,
) -> WebhookEndpoint:
    """With another URL, or enabled again, it is `pending` until it answers a ping; its events wait for that.

    Disabled, it loses what waits for it, in this very change, however soon it is enabled again.
    """
    if body.url is not None:
        await the.gate.admit(body.url, caller.tenant_id)
    change = EndpointChange(body.url, list(body.events) if body.events else None, body.description, body.enabled)
    async with tenant_transaction(request.app.state.pool, caller.tenant_id) as connection:
        endpoints = PostgresEndpoints(connection)
        before = _found(await endpoints.by_id(endpoint_id), endpoint_id)
        made = _found(await endpoints.change(endpoint_id, change), endpoint_id)
        if made.state == "pending" and (before.state != "pending" or before.url != made.url):
            await endpoints.ping(endpoint_id)
            after.add_task(the.ringer.tell, endpoint_id)
    return made


@router.delete("/{endpoint_id}", status_code=204, summary="Remove a webhook", operation_id="remove_webhook")
async def remove_webhook(endpoint_id: WebhookEndpointId, connection: WebhookTransaction) -> None:
    """Nothing more is sent to it, and its secret is forgotten; the log of its deliveries stays."""
    if not await PostgresEndpoints(connection).remove(endpoint_id):
        raise NotFound("webhook endpoint", endpoint_id)


@router.post("/{endpoint_id}/rotate", summary="Change a webhook's secret", operation_id="rotate_webhook")
async def rotate_webhook(
    endpoint_id: WebhookEndpointId, body: RotateRequest, connection: WebhookTransaction, the: TheParts
) -> EndpointShown:
    """A new secret, shown here alone. For `overlap_s` seconds everything carries a signature by each of the two."""
    overlap = timedelta(seconds=body.overlap_s)
    endpoint, text = await rotate(PostgresEndpoints(connection), the.vault, endpoint_id, body.secret, overlap)
    return EndpointShown(secret=text, endpoint=endpoint)


@router.post(
    "/{endpoint_id}/ping",
    status_code=202,
    summary="Ping a webhook",
    operation_id="ping_webhook",
    responses=documented(409),
)
async def ping_webhook(
    endpoint_id: WebhookEndpointId, connection: WebhookTransaction, the: TheParts, after: BackgroundTasks
) -> WebhookEndpoint:
    """Sends a `webhook.ping`; one that is `pending` becomes `active` when it answers with 2xx."""
    endpoints = PostgresEndpoints(connection)
    endpoint = _found(await endpoints.by_id(endpoint_id), endpoint_id)
    if endpoint.state == "disabled":
        raise Conflict("webhook_disabled", "the endpoint is disabled", hint='PATCH it with {"enabled": true}')
    await endpoints.ping(endpoint_id)
    after.add_task(the.ringer.tell, endpoint_id)
    return endpoint


def _found(endpoint: WebhookEndpoint | None, endpoint_id: str) -> WebhookEndpoint:
    if endpoint is None:
        raise NotFound("webhook endpoint", endpoint_id)
    return endpoint
