"""What ends by itself: deliveries of disabled endpoints, old events, callbacks of jobs that are long over."""

from __future__ import annotations

from typing import Any, Final

from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from impasto.webhooks import PING

_AT_ONCE: Final = 1000

_ENDED: Final = "state = 'failed', error = 'endpoint_disabled', finished_at = now(), lease_until = NULL"
# Whoever records an attempt holds its row and wants the endpoint's: that row is not waited for.
_OF_ONE: Final = f"""
UPDATE webhook_deliveries d SET {_ENDED} FROM (
    SELECT id FROM webhook_deliveries WHERE endpoint_id = %s AND state = 'waiting' {{which}} FOR UPDATE SKIP LOCKED
) AS waiting WHERE d.id = waiting.id
"""  # noqa: S608  fixed texts
# Of one endpoint, what is under way too: its attempt may arrive, but is neither recorded nor followed by another.
DROP_ALL: Final = _OF_ONE.format(which="")
# Of one endpoint, what nobody is sending now: what is under way ends by itself, and is the last.
DROP_IDLE: Final = _OF_ONE.format(which="AND (lease_until IS NULL OR lease_until < now())")

# An endpoint `e` that is pending and will not be asked again.
NOT_ASKED: Final = f"""NOT EXISTS (
    SELECT FROM webhook_deliveries d JOIN webhook_events v ON v.id = d.event_id
    WHERE d.endpoint_id = e.id AND d.state = 'waiting' AND v.type = '{PING}')"""
_GIVE_UP: Final = f"""
UPDATE webhook_endpoints e SET state = 'disabled', disabled_reason = 'failing'
WHERE e.state = 'pending' AND e.job_id IS NULL AND e.deleted_at IS NULL AND {NOT_ASKED}
"""  # noqa: S608  fixed texts
_DROP: Final = f"""
UPDATE webhook_deliveries d SET {_ENDED}
FROM webhook_endpoints e WHERE e.id = d.endpoint_id AND d.state = 'waiting'
  AND (e.state = 'disabled' OR e.deleted_at IS NOT NULL) AND (d.lease_until IS NULL OR d.lease_until < now())
"""  # noqa: S608  fixed texts
# What still waits is passed over inside: however much of it there is, it does not keep the others.
_FORGET: Final = f"""
DELETE FROM webhook_events WHERE id IN (
    SELECT v.id FROM webhook_events v WHERE v.occurred_at < now() - make_interval(days => %s)
      AND NOT EXISTS (SELECT FROM webhook_deliveries d WHERE d.event_id = v.id AND d.state = 'waiting')
    ORDER BY v.occurred_at LIMIT {_AT_ONCE})
"""  # noqa: S608  fixed texts
# A callback goes after the log of its deliveries. It is older than the end of its job, and found by that.
_FORGET_CALLBACKS: Final = f"""
DELETE FROM webhook_endpoints WHERE id IN (
    SELECT e.id FROM webhook_endpoints e JOIN jobs j ON j.id = e.job_id
    WHERE e.job_id IS NOT NULL AND e.created_at < now() - make_interval(days => %(days)s)
      AND j.finished_at < now() - make_interval(days => %(days)s)
      AND NOT EXISTS (SELECT FROM webhook_deliveries d WHERE d.endpoint_id = e.id)
    ORDER BY e.created_at LIMIT {_AT_ONCE})
"""  # noqa: S608  fixed texts


async def tidy(pool: AsyncConnectionPool[AsyncConnection[Any]], days: int) -> None:
    """Ends what waits for endpoints that are disabled or gone, and forgets what is older than so many days."""
    async with pool.connection() as connection, connection.transaction():
        await connection.execute(_GIVE_UP)
        await connection.execute(_DROP)
    for query, values in ((_FORGET, [days]), (_FORGET_CALLBACKS, {"days": days})):
        while await _some(pool, query, values) == _AT_ONCE:
            pass


async def _some(pool: AsyncConnectionPool[AsyncConnection[Any]], query: str, values: Any) -> int:
    """One part, in a transaction of its own: the log is never locked for long."""
    async with pool.connection() as connection:
        return (await connection.execute(query, values)).rowcount
