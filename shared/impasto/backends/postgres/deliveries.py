"""What the notifier needs: due deliveries with a lease, and the record of each attempt. As role impasto_engine."""

from __future__ import annotations

from typing import Any, Final

from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from impasto.delivery import ClaimedDelivery
from impasto.identifiers import new_id
from impasto.webhooks import DISABLED_AFTER_S, PING, Reply, Verdict, WebhookEvent

_LOOKED_AT: Final = 500

# Due ones in the order of their time, at most so many of a lane as it has free; lanes that are full are not looked at,
# so that a long backlog of one cannot hide the others. Locked, and looked at again, only when they are chosen.
_CLAIM: Final = f"""
WITH due AS (
    SELECT d.id, d.lane, d.next_at FROM webhook_deliveries d
    JOIN webhook_endpoints e ON e.id = d.endpoint_id
    JOIN webhook_events v ON v.id = d.event_id
    WHERE d.state = 'waiting' AND d.next_at <= now() AND (d.lease_until IS NULL OR d.lease_until < now())
      AND d.lane <> ALL(%(full)s::text[]) AND e.deleted_at IS NULL
      AND (e.state = 'active' OR (e.state = 'pending' AND v.type = '{PING}'))
    ORDER BY d.next_at LIMIT {_LOOKED_AT}
), placed AS (
    SELECT id, lane, next_at, row_number() OVER (PARTITION BY lane ORDER BY next_at) AS place FROM due
), chosen AS (
    SELECT p.id FROM placed p LEFT JOIN unnest(%(lanes)s::text[], %(busy)s::integer[]) AS b (lane, busy) USING (lane)
    WHERE p.place <= %(cap)s - coalesce(b.busy, 0) ORDER BY p.place, p.next_at LIMIT %(most)s
), locked AS (
    SELECT d.id FROM webhook_deliveries d JOIN chosen USING (id)
    WHERE d.state = 'waiting' AND (d.lease_until IS NULL OR d.lease_until < now()) FOR UPDATE OF d SKIP LOCKED
), claimed AS (
    UPDATE webhook_deliveries d SET lease_until = now() + make_interval(secs => %(lease_s)s), epoch = epoch + 1
    FROM locked WHERE d.id = locked.id RETURNING d.*
)
SELECT c.id, c.epoch, c.attempt, c.lane, e.id, e.url, e.secret,
       CASE WHEN e.previous_until > now() THEN e.previous_secret END,
       v.traceparent, v.id, v.type, v.data, v.occurred_at, extract(epoch FROM now() - c.next_at)::float8
FROM claimed c JOIN webhook_endpoints e ON e.id = c.endpoint_id JOIN webhook_events v ON v.id = c.event_id
WHERE e.secret IS NOT NULL
"""  # noqa: S608  fixed texts

_FINISH: Final = """
UPDATE webhook_deliveries SET state = %(state)s, status = %(status)s, ms = %(ms)s, error = %(error)s,
    response_head = %(head)s, finished_at = now(), lease_until = NULL
WHERE id = %(id)s AND epoch = %(epoch)s AND state = 'waiting'
RETURNING tenant_id, event_id, endpoint_id, lane
"""
_AGAIN: Final = """
INSERT INTO webhook_deliveries (id, tenant_id, event_id, endpoint_id, lane, attempt, next_at)
VALUES (%(new)s, %(tenant)s, %(event)s, %(endpoint)s, %(lane)s, %(attempt)s,
        now() + make_interval(secs => %(again_in_s)s))
"""
# Written only where something changes: most deliveries go well, to an endpoint that goes well.
_WENT_WELL: Final = f"""
UPDATE webhook_endpoints SET failing_since = NULL,
    state = CASE WHEN state = 'pending' AND %(type)s = '{PING}' THEN 'active' ELSE state END,
    verified_at = CASE WHEN %(type)s = '{PING}' THEN coalesce(verified_at, now()) ELSE verified_at END
WHERE id = %(endpoint)s AND url = %(url)s
  AND (failing_since IS NOT NULL OR (state = 'pending' AND %(type)s = '{PING}'))
"""  # noqa: S608  fixed texts
_WENT_BADLY: Final = f"""
UPDATE webhook_endpoints SET failing_since = coalesce(failing_since, now()),
    state = CASE WHEN %(gone)s OR failing_since < now() - interval '{DISABLED_AFTER_S} seconds' THEN 'disabled'
                 ELSE state END,
    disabled_reason = CASE WHEN %(gone)s THEN 'gone'
                           WHEN failing_since < now() - interval '{DISABLED_AFTER_S} seconds' THEN 'failing'
                           ELSE disabled_reason END
WHERE id = %(endpoint)s AND url = %(url)s AND state <> 'disabled' AND (failing_since IS NULL OR %(gone)s
    OR failing_since < now() - interval '{DISABLED_AFTER_S} seconds')
"""  # noqa: S608  fixed texts
_DROP: Final = """
UPDATE webhook_deliveries d SET state = 'failed', error = 'endpoint_disabled', finished_at = now(), lease_until = NULL
FROM webhook_endpoints e WHERE e.id = d.endpoint_id AND d.state = 'waiting'
  AND (e.state = 'disabled' OR e.deleted_at IS NOT NULL) AND (d.lease_until IS NULL OR d.lease_until < now())
"""
_FORGET: Final = """
DELETE FROM webhook_events v WHERE id IN (
    SELECT id FROM webhook_events WHERE occurred_at < now() - make_interval(days => %s) ORDER BY occurred_at LIMIT 1000
) AND NOT EXISTS (SELECT 1 FROM webhook_deliveries d WHERE d.event_id = v.id AND d.state = 'waiting')
"""


class PostgresDeliveries:
    """Satisfies `impasto.delivery.Ledger`. Every call is a transaction of its own, and none is open while one sends."""

    def __init__(self, pool: AsyncConnectionPool[AsyncConnection[Any]], *, lease_s: float, cap: int) -> None:
        self._pool, self._lease_s, self._cap = pool, lease_s, cap

    async def claim(self, busy: dict[str, int], most: int) -> list[tuple[ClaimedDelivery, float]]:
        """At most `most` due deliveries, each with the seconds it is late; `busy` counts those in flight by lane."""
        values = {
            "full": [lane for lane, count in busy.items() if count >= self._cap],
            "lanes": list(busy),
            "busy": list(busy.values()),
            "cap": self._cap,
            "most": most,
            "lease_s": self._lease_s,
        }
        async with self._pool.connection() as connection:
            rows = await (await connection.execute(_CLAIM, values)).fetchall()
        return [(_claimed(row), max(0.0, row[13])) for row in rows]

    async def record(self, delivery: ClaimedDelivery, reply: Reply, verdict: Verdict) -> bool:
        """The end of the attempt, the next one, and what it means for the endpoint, in one commit."""
        async with self._pool.connection() as connection:
            cursor = await connection.execute(
                _FINISH,
                {
                    "id": delivery.id,
                    "epoch": delivery.epoch,
                    "state": "delivered" if verdict.delivered else "failed",
                    "status": reply.status,
                    "ms": reply.ms,
                    "error": verdict.error,
                    "head": reply.head or None,
                },
            )
            row = await cursor.fetchone()
            if row is None:
                return False
            if verdict.again_in_s is not None:
                again = {"new": new_id("dlv"), "tenant": row[0], "event": row[1], "endpoint": row[2], "lane": row[3]}
                again |= {"attempt": delivery.attempt + 1, "again_in_s": verdict.again_in_s}
                await connection.execute(_AGAIN, again)
            about = {"endpoint": row[2], "url": delivery.url, "type": delivery.event.type, "gone": verdict.gone}
            await connection.execute(_WENT_WELL if verdict.delivered else _WENT_BADLY, about)
        return True

    async def give_back(self, deliveries: list[ClaimedDelivery]) -> None:
        """Ends the leases of attempts that were cut short: whoever claims next sends them again."""
        async with self._pool.connection() as connection:
            await connection.execute(
                """UPDATE webhook_deliveries d SET lease_until = NULL
                   FROM unnest(%s::text[], %s::integer[]) AS u (id, epoch)
                   WHERE d.id = u.id AND d.epoch = u.epoch AND d.state = 'waiting'""",
                [[delivery.id for delivery in deliveries], [delivery.epoch for delivery in deliveries]],
            )

    async def tidy(self, days: int) -> None:
        """Ends what waits for endpoints that are disabled or gone, and forgets events older than so many days."""
        async with self._pool.connection() as connection:
            await connection.execute(_DROP)
            await connection.execute(_FORGET, [days])


def _claimed(row: tuple[Any, ...]) -> ClaimedDelivery:
    return ClaimedDelivery(
        id=row[0],
        epoch=row[1],
        attempt=row[2],
        lane=row[3],
        endpoint_id=row[4],
        url=row[5],
        secret=bytes(row[6]),
        previous_secret=bytes(row[7]) if row[7] is not None else None,
        traceparent=row[8],
        event=WebhookEvent(id=row[9], type=row[10], data=row[11], occurred_at=row[12]),
    )
