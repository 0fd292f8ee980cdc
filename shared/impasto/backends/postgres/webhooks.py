"""Webhook endpoints and deliveries of a tenant, within the transaction of its request."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from psycopg import AsyncConnection
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from impasto.backends.postgres.webhook_retention import DROP_ALL
from impasto.delivery import NewEndpoint
from impasto.identifiers import new_id
from impasto.webhooks import PING, WebhookDelivery, WebhookEndpoint

_ENDPOINT: Final = (
    "id, url, description, events, state, disabled_reason, failing_since, created_at, "
    "CASE WHEN previous_until > now() THEN previous_until END AS previous_secret_until"
)
_MINE: Final = "tenant_id = current_setting('app.tenant_id') AND job_id IS NULL AND deleted_at IS NULL"
_DELIVERIES: Final = """
SELECT d.id, d.event_id, v.type, d.endpoint_id, v.job_id, d.attempt, d.state, d.next_at, d.status, d.ms, d.error,
       d.response_head, d.created_at, d.finished_at
FROM webhook_deliveries d JOIN webhook_events v ON v.id = d.event_id
WHERE d.tenant_id = current_setting('app.tenant_id')
"""
_PING: Final = """
WITH event AS (
    INSERT INTO webhook_events (id, tenant_id, type, data, occurred_at)
    SELECT %(event)s, tenant_id, %(type)s, %(data)s, now() FROM webhook_endpoints WHERE id = %(endpoint)s
    RETURNING id, tenant_id
)
INSERT INTO webhook_deliveries (id, tenant_id, event_id, endpoint_id, lane)
SELECT %(delivery)s, event.tenant_id, event.id, e.id, e.lane FROM event, webhook_endpoints e WHERE e.id = %(endpoint)s
"""


@dataclass(frozen=True, slots=True)
class EndpointChange:
    """What is to be different; None is left as it is. Another URL, or being enabled again, asks for a new challenge."""

    url: str | None = None
    events: list[str] | None = None
    description: str | None = None
    enabled: bool | None = None


class PostgresEndpoints:
    """Satisfies `impasto.delivery.Endpoints` on the connection of a tenant's transaction."""

    def __init__(self, connection: AsyncConnection[Any]) -> None:
        self._connection = connection

    async def count(self) -> int:
        await self._connection.execute(
            "SELECT pg_advisory_xact_lock(hashtextextended(current_setting('app.tenant_id'), 8))"
        )
        rows = await self._rows(f"SELECT count(*) AS n FROM webhook_endpoints WHERE {_MINE}", {})  # noqa: S608
        return int(rows[0]["n"])

    async def add(self, endpoint: NewEndpoint) -> WebhookEndpoint:
        # A callback is sent to at once: its job's owner has just named it.
        rows = await self._rows(
            f"""INSERT INTO webhook_endpoints (id, tenant_id, job_id, url, lane, description, events, secret, state)
                VALUES (%(id)s, current_setting('app.tenant_id'), %(job_id)s, %(url)s, %(lane)s, %(description)s,
                        %(events)s, %(secret)s, CASE WHEN %(job_id)s::text IS NULL THEN 'pending' ELSE 'active' END)
                RETURNING {_ENDPOINT}""",  # noqa: S608  fixed columns
            {
                "id": endpoint.id,
                "job_id": endpoint.job_id,
                "url": endpoint.url,
                "lane": endpoint.lane,
                "description": endpoint.description,
                "events": endpoint.events,
                "secret": endpoint.secret,
            },
        )
        return WebhookEndpoint.model_validate(rows[0])

    async def ping(self, endpoint_id: str) -> str | None:
        event = new_id("evt")
        cursor = await self._connection.execute(
            _PING,
            {
                "event": event,
                "delivery": new_id("dlv"),
                "endpoint": endpoint_id,
                "type": PING,
                "data": Jsonb({"endpoint_id": endpoint_id, "url": f"/v1/webhooks/{endpoint_id}"}),
            },
        )
        return event if cursor.rowcount else None

    async def rotate(self, endpoint_id: str, secret: bytes, overlap: timedelta) -> WebhookEndpoint | None:
        rows = await self._rows(
            f"""UPDATE webhook_endpoints SET previous_secret = secret, secret = %(secret)s,
                       previous_until = now() + %(overlap)s
                WHERE id = %(id)s AND {_MINE} RETURNING {_ENDPOINT}""",  # noqa: S608  fixed columns
            {"id": endpoint_id, "secret": secret, "overlap": overlap},
        )
        return WebhookEndpoint.model_validate(rows[0]) if rows else None

    async def all(self) -> list[WebhookEndpoint]:
        """Every endpoint of the tenant, newest first; not the callbacks of jobs."""
        query = f"SELECT {_ENDPOINT} FROM webhook_endpoints WHERE {_MINE} ORDER BY id DESC"  # noqa: S608
        return [WebhookEndpoint.model_validate(row) for row in await self._rows(query, {})]

    async def by_id(self, endpoint_id: str) -> WebhookEndpoint | None:
        """The tenant's endpoint of that id."""
        query = f"SELECT {_ENDPOINT} FROM webhook_endpoints WHERE id = %(id)s AND {_MINE}"  # noqa: S608
        rows = await self._rows(query, {"id": endpoint_id})
        return WebhookEndpoint.model_validate(rows[0]) if rows else None

    async def change(self, endpoint_id: str, change: EndpointChange) -> WebhookEndpoint | None:
        """Changes it; it is pending again, and has to be pinged, if its URL is another or it was disabled.

        Disabling it ends what waits for it, here and now: what it gets afterwards does not depend on how soon it is
        enabled again.
        """
        rows = await self._rows(
            f"""UPDATE webhook_endpoints SET
                    state = CASE WHEN %(enabled)s::boolean IS FALSE THEN 'disabled'
                                 WHEN state = 'disabled' AND %(enabled)s::boolean IS NOT TRUE THEN 'disabled'
                                 WHEN state = 'disabled' OR url <> coalesce(%(url)s::text, url) THEN 'pending'
                                 ELSE state END,
                    disabled_reason = CASE WHEN %(enabled)s::boolean IS FALSE THEN coalesce(disabled_reason, 'asked')
                                           WHEN %(enabled)s::boolean IS TRUE THEN NULL ELSE disabled_reason END,
                    failing_since = CASE WHEN %(enabled)s::boolean IS TRUE OR url <> coalesce(%(url)s::text, url)
                                         THEN NULL ELSE failing_since END,
                    url = coalesce(%(url)s, url), events = coalesce(%(events)s, events),
                    description = coalesce(%(description)s, description)
                WHERE id = %(id)s AND {_MINE} RETURNING {_ENDPOINT}""",  # noqa: S608  fixed columns
            {
                "id": endpoint_id,
                "url": change.url,
                "events": change.events,
                "description": change.description,
                "enabled": change.enabled,
            },
        )
        if rows and change.enabled is False:
            await self._connection.execute(DROP_ALL, [endpoint_id])
        return WebhookEndpoint.model_validate(rows[0]) if rows else None

    async def remove(self, endpoint_id: str) -> bool:
        """Takes it away with its secrets; the log of its deliveries stays."""
        cursor = await self._connection.execute(
            f"""UPDATE webhook_endpoints SET deleted_at = now(), secret = NULL, previous_secret = NULL,
                       previous_until = NULL WHERE id = %s AND {_MINE}""",  # noqa: S608  fixed columns
            [endpoint_id],
        )
        if cursor.rowcount:
            await self._connection.execute(DROP_ALL, [endpoint_id])
        return bool(cursor.rowcount)

    async def callback_secret(self, job_id: str) -> bytes | None:
        """The sealed secret of a job's callback."""
        rows = await self._rows("SELECT secret FROM webhook_endpoints WHERE job_id = %(job)s", {"job": job_id})
        return bytes(rows[0]["secret"]) if rows else None

    async def _rows(self, query: str, values: dict[str, Any]) -> list[dict[str, Any]]:
        return await _rows(self._connection, query, values)


async def list_deliveries(
    connection: AsyncConnection[Any], *, endpoint: str | None, state: str | None, job: str | None,
    before: str | None, most: int,
) -> list[WebhookDelivery]:  # fmt: skip
    """The tenant's deliveries, newest first, older than `before`."""
    query = (
        _DELIVERIES
        + """AND (%(before)s::text IS NULL OR d.id < %(before)s)
             AND (%(endpoint)s::text IS NULL OR d.endpoint_id = %(endpoint)s)
             AND (%(state)s::text IS NULL OR d.state = %(state)s)
             AND (%(job)s::text IS NULL OR v.job_id = %(job)s) ORDER BY d.id DESC LIMIT %(most)s"""
    )
    values = {"before": before, "endpoint": endpoint, "state": state, "job": job, "most": most}
    return [WebhookDelivery.model_validate(row) for row in await _rows(connection, query, values)]


async def delivery_by_id(connection: AsyncConnection[Any], delivery_id: str) -> WebhookDelivery | None:
    """The tenant's delivery of that id."""
    rows = await _rows(connection, _DELIVERIES + "AND d.id = %(id)s", {"id": delivery_id})
    return WebhookDelivery.model_validate(rows[0]) if rows else None


async def replay(connection: AsyncConnection[Any], delivery_id: str) -> str | None:
    """Sends that event to that endpoint again, from the first attempt; gives the new delivery's id.

    None if the endpoint is not one that gets events.
    """
    rows = await _rows(
        connection,
        """INSERT INTO webhook_deliveries (id, tenant_id, event_id, endpoint_id, lane)
           SELECT %(new)s, d.tenant_id, d.event_id, d.endpoint_id, d.lane
           FROM webhook_deliveries d JOIN webhook_endpoints e ON e.id = d.endpoint_id
           WHERE d.id = %(id)s AND d.tenant_id = current_setting('app.tenant_id')
             AND e.deleted_at IS NULL AND e.state <> 'disabled'
           RETURNING id""",
        {"id": delivery_id, "new": new_id("dlv")},
    )
    return str(rows[0]["id"]) if rows else None


async def tell_refused(connection: AsyncConnection[Any], upload_sha256: str, size_bytes: int, code: str) -> None:
    """Writes that a file was refused, for whoever wants to know; the caller commits."""
    await connection.execute(
        """SELECT tell_webhooks(current_setting('app.tenant_id'), 'artwork.refused', now(), jsonb_build_object(
               'upload_sha256', %s::text, 'size_bytes', %s::bigint, 'state', 'refused',
               'error', jsonb_build_object('code', %s::text),
               'occurred_at', to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')))""",
        [upload_sha256, size_bytes, code],
    )


async def _rows(connection: AsyncConnection[Any], query: str, values: dict[str, Any]) -> list[dict[str, Any]]:
    async with connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(query, values)
        return await cursor.fetchall()
