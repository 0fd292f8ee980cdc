"""`/v1/webhooks/deliveries`: the log of attempts, and sending again; scope `webhooks`."""

from __future__ import annotations

from fastapi import APIRouter, BackgroundTasks

from impasto.backends.postgres.webhooks import delivery_by_id, list_deliveries, replay
from impasto.backends.web.problems import documented
from impasto.errors import Conflict, NotFound
from impasto.identifiers import JobId, WebhookDeliveryId, WebhookEndpointId
from impasto.webhooks import DeliveryState, WebhookDelivery
from impasto_gateway.parts import Cursor, Limit, Page, TheParts, WebhookTransaction, page

router = APIRouter(prefix="/v1/webhooks/deliveries", tags=["webhooks"])


@router.get("", summary="List deliveries", operation_id="list_deliveries")
async def get_deliveries(
    connection: WebhookTransaction,
    cursor: Cursor,
    limit: Limit = 50,
    endpoint: WebhookEndpointId | None = None,
    state: DeliveryState | None = None,
    job: JobId | None = None,
) -> Page[WebhookDelivery]:
    """Attempts to send, newest first: those that went out, those that failed, those that wait. Kept for 30 days."""
    found = await list_deliveries(connection, endpoint=endpoint, state=state, job=job, before=cursor, most=limit + 1)
    return page(found, limit)


@router.post(
    "/{delivery_id}/replay",
    status_code=202,
    summary="Send again",
    operation_id="replay_delivery",
    responses=documented(409),
)
async def replay_delivery(
    delivery_id: WebhookDeliveryId, connection: WebhookTransaction, the: TheParts, after: BackgroundTasks
) -> WebhookDelivery:
    """The same event with the same `webhook-id`, from the first attempt. Answers the new delivery."""
    if await delivery_by_id(connection, delivery_id) is None:
        raise NotFound("webhook delivery", delivery_id)
    made = await replay(connection, delivery_id)
    if made is None:
        raise Conflict("webhook_disabled", "the endpoint is disabled or gone", hint="enable it, then send again")
    delivery = await delivery_by_id(connection, made)
    assert delivery is not None
    after.add_task(the.ringer.tell, delivery.endpoint_id)
    return delivery
