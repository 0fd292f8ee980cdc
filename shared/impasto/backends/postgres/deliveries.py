"""What the notifier needs: due deliveries with a lease, and the record of each attempt. As role impasto_engine."""

from __future__ import annotations

from typing import Any, Final

from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from impasto.backends.postgres import webhook_retention
from impasto.backends.postgres.webhook_claims import CLAIM, DEFER, claimed
from impasto.backends.postgres.webhook_retention import DROP_IDLE, NOT_ASKED
from impasto.delivery import ClaimedDelivery
from impasto.identifiers import new_id
from impasto.webhooks import DISABLED_AFTER_S, FORGIVEN_AFTER_S, PING, Reply, Verdict

_FINISH: Final = """
UPDATE webhook_deliveries SET state = %(state)s, status = %(status)s, ms = %(ms)s, error = %(error)s,
    response_head = %(head)s, finished_at = now(), lease_until = NULL
WHERE id = %(id)s AND epoch = %(epoch)s AND state = 'waiting'
RETURNING tenant_id, event_id, endpoint_id, lane
"""
# Not for one that was disabled meanwhile; a change of that kind which is not committed yet is waited for.
_AGAIN: Final = """
INSERT INTO webhook_deliveries (id, tenant_id, event_id, endpoint_id, lane, attempt, next_at)
SELECT %(new)s, %(tenant)s, %(event)s, e.id, %(lane)s, %(attempt)s, now() + make_interval(secs => %(again_in_s)s)
FROM webhook_endpoints e WHERE e.id = %(endpoint)s AND e.state <> 'disabled' AND e.deleted_at IS NULL FOR SHARE OF e
"""
# Written only where something changes: most deliveries go well, to an endpoint that goes well.
_WENT_WELL: Final = f"""
UPDATE webhook_endpoints SET failing_since = NULL,
    state = CASE WHEN state = 'pending' AND %(type)s = '{PING}' THEN 'active' ELSE state END,
    verified_at = CASE WHEN %(type)s = '{PING}' THEN coalesce(verified_at, now()) ELSE verified_at END
WHERE id = %(endpoint)s AND url = %(url)s
  AND (failing_since IS NOT NULL OR (state = 'pending' AND %(type)s = '{PING}'))
"""  # noqa: S608  fixed texts
# Between two failures of one event lies a day and a little; after a longer silence the count begins anew.
_SINCE: Final = f"""CASE WHEN e.failed_at > now() - interval '{FORGIVEN_AFTER_S} seconds'
    THEN coalesce(e.failing_since, now()) ELSE now() END"""
_GIVEN_UP: Final = f"""({_SINCE} < now() - interval '{DISABLED_AFTER_S} seconds'
    OR (%(last)s AND e.state = 'pending' AND {NOT_ASKED}))"""
_WENT_BADLY: Final = f"""
UPDATE webhook_endpoints e SET failed_at = now(), failing_since = {_SINCE},
    state = CASE WHEN %(gone)s OR {_GIVEN_UP} THEN 'disabled' ELSE state END,
    disabled_reason = CASE WHEN %(gone)s THEN 'gone' WHEN {_GIVEN_UP} THEN 'failing' END
WHERE e.id = %(endpoint)s AND e.url = %(url)s AND e.state <> 'disabled' AND e.deleted_at IS NULL
RETURNING e.state
"""  # noqa: S608  fixed texts


class PostgresDeliveries:
    """Satisfies `impasto.delivery.Ledger`. Every call is a transaction of its own, and none is open while one sends."""

    def __init__(
        self, pool: AsyncConnectionPool[AsyncConnection[Any]], *, lease_s: float, cap: int, tenant_cap: int
    ) -> None:
        self._pool, self._lease_s, self._cap, self._tenant_cap = pool, lease_s, cap, tenant_cap

    async def claim(
        self, lanes: dict[str, int], tenants: dict[str, int], most: int
    ) -> list[tuple[ClaimedDelivery, float]]:
        """At most `most` due deliveries, each with the seconds it is late; what is in flight is given."""
        values = {
            "full_lanes": [lane for lane, count in lanes.items() if count >= self._cap],
            "full_tenants": [tenant for tenant, count in tenants.items() if count >= self._tenant_cap],
            "lanes": list(lanes),
            "busy": list(lanes.values()),
            "cap": self._cap,
            "tenants": list(tenants),
            "tenants_busy": list(tenants.values()),
            "tenant_cap": self._tenant_cap,
            "most": most,
            "lease_s": self._lease_s,
        }
        async with self._pool.connection() as connection:
            rows = await (await connection.execute(CLAIM, values)).fetchall()
        return [(claimed(row), max(0.0, row[14])) for row in rows]

    async def defer(self, lanes: dict[str, float]) -> None:
        """Puts off what is due in these lanes by so many seconds; no attempt is counted."""
        async with self._pool.connection() as connection:
            await connection.execute(DEFER, [list(lanes), list(lanes.values())])

    async def record(self, delivery: ClaimedDelivery, reply: Reply, verdict: Verdict) -> bool:
        """The end of the attempt, the next one, and what it means for the endpoint, in one commit."""
        # Said aloud: on these connections each statement is a transaction of its own otherwise.
        async with self._pool.connection() as connection, connection.transaction():
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
            about = {"endpoint": row[2], "url": delivery.url, "type": delivery.event.type}
            if verdict.delivered:
                await connection.execute(_WENT_WELL, about)
                return True
            about |= {"gone": verdict.gone, "last": verdict.again_in_s is None}
            left = await (await connection.execute(_WENT_BADLY, about)).fetchone()
            if left is not None and left[0] == "disabled":
                await connection.execute(DROP_IDLE, [row[2]])
            if verdict.again_in_s is not None:
                again = {"new": new_id("dlv"), "tenant": row[0], "event": row[1], "endpoint": row[2], "lane": row[3]}
                again |= {"attempt": delivery.attempt + 1, "again_in_s": verdict.again_in_s}
                await connection.execute(_AGAIN, again)
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
        """As `webhook_retention.tidy`."""
        await webhook_retention.tidy(self._pool, days)
