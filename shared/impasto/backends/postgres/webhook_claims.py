"""Which deliveries a notifier gets: the texts of claiming and putting off, and what is made of a claimed row."""

from __future__ import annotations

from typing import Any, Final

from impasto.delivery import ClaimedDelivery
from impasto.webhooks import PING, WebhookEvent

_LOOKED_AT: Final = 200
_DEFERRED_AT_ONCE: Final = 1000

# Tenant by tenant, each tenant's due ones in the order of their time: at most so many of a lane and of a tenant as it
# has free, and those who have least under way come first. What is full is not looked at, so that a long backlog cannot
# hide the others. Locked, and looked at again, only when they are chosen.
CLAIM: Final = f"""
WITH RECURSIVE whose (tenant_id) AS (
    SELECT min(tenant_id) FROM webhook_deliveries WHERE state = 'waiting'
    UNION ALL
    SELECT (SELECT min(d.tenant_id) FROM webhook_deliveries d WHERE d.state = 'waiting' AND d.tenant_id > w.tenant_id)
    FROM whose w WHERE w.tenant_id IS NOT NULL
), due AS (
    SELECT found.* FROM whose w CROSS JOIN LATERAL (
        SELECT d.id, d.tenant_id, d.lane, d.next_at FROM webhook_deliveries d
        JOIN webhook_endpoints e ON e.id = d.endpoint_id
        JOIN webhook_events v ON v.id = d.event_id
        WHERE d.tenant_id = w.tenant_id AND d.state = 'waiting' AND d.next_at <= now()
          AND (d.lease_until IS NULL OR d.lease_until < now())
          AND d.lane <> ALL(%(full_lanes)s::text[]) AND e.deleted_at IS NULL
          AND (e.state = 'active' OR (e.state = 'pending' AND v.type = '{PING}'))
        ORDER BY d.next_at LIMIT {_LOOKED_AT}
    ) AS found WHERE w.tenant_id <> ALL(%(full_tenants)s::text[])
), in_lane AS (
    SELECT id, tenant_id, lane, next_at, row_number() OVER (PARTITION BY lane ORDER BY next_at) AS place FROM due
), of_tenant AS (
    SELECT p.id, p.tenant_id, p.next_at,
           row_number() OVER (PARTITION BY p.tenant_id ORDER BY p.place, p.next_at) AS place
    FROM in_lane p LEFT JOIN unnest(%(lanes)s::text[], %(busy)s::integer[]) AS b (lane, busy) USING (lane)
    WHERE p.place <= %(cap)s - coalesce(b.busy, 0)
), chosen AS (
    SELECT id FROM (
        SELECT t.id, t.next_at, t.place + coalesce(b.busy, 0) AS place FROM of_tenant t
        LEFT JOIN unnest(%(tenants)s::text[], %(tenants_busy)s::integer[]) AS b (tenant_id, busy) USING (tenant_id)
    ) AS placed WHERE place <= %(tenant_cap)s ORDER BY place, next_at LIMIT %(most)s
), locked AS (
    SELECT d.id FROM webhook_deliveries d JOIN chosen USING (id)
    WHERE d.state = 'waiting' AND (d.lease_until IS NULL OR d.lease_until < now()) FOR UPDATE OF d SKIP LOCKED
), claimed AS (
    UPDATE webhook_deliveries d SET lease_until = now() + make_interval(secs => %(lease_s)s), epoch = epoch + 1
    FROM locked WHERE d.id = locked.id RETURNING d.*
)
SELECT c.id, c.epoch, c.attempt, c.tenant_id, c.lane, e.id, e.url, e.secret,
       CASE WHEN e.previous_until > now() THEN e.previous_secret END,
       v.traceparent, v.id, v.type, v.data, v.occurred_at, extract(epoch FROM now() - c.next_at)::float8
FROM claimed c JOIN webhook_endpoints e ON e.id = c.endpoint_id JOIN webhook_events v ON v.id = c.event_id
WHERE e.secret IS NOT NULL
"""  # noqa: S608  fixed texts

DEFER: Final = f"""
UPDATE webhook_deliveries d SET next_at = now() + make_interval(secs => late.seconds)
FROM (
    SELECT d.id, held.seconds FROM webhook_deliveries d
    JOIN unnest(%s::text[], %s::float8[]) AS held (lane, seconds) USING (lane)
    WHERE d.state = 'waiting' AND d.next_at <= now() AND (d.lease_until IS NULL OR d.lease_until < now())
    LIMIT {_DEFERRED_AT_ONCE} FOR UPDATE OF d SKIP LOCKED
) AS late WHERE d.id = late.id
"""  # noqa: S608  fixed texts


def claimed(row: tuple[Any, ...]) -> ClaimedDelivery:
    """From the columns of `CLAIM`; the last, seconds it is late, is left."""
    return ClaimedDelivery(
        id=row[0],
        epoch=row[1],
        attempt=row[2],
        tenant_id=row[3],
        lane=row[4],
        endpoint_id=row[5],
        url=row[6],
        secret=bytes(row[7]),
        previous_secret=bytes(row[8]) if row[8] is not None else None,
        traceparent=row[9],
        event=WebhookEvent(id=row[10], type=row[11], data=row[12], occurred_at=row[13]),
    )
