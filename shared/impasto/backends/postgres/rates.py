"""Request rates while Redis is away: the same algorithm, a row a key."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final

from psycopg import AsyncConnection

from impasto.quotas import Rate, Taken, taken

# Moves the row only if the request passes. The clock moves on within a transaction: who waited for the row counts from
# when it got it. To make the row is to say whose it is, before any policy is looked at: no statement comes before. The
# table is not logged: only the first row of a key, whose tenant is locked for it, waits for a disk.
_TAKE: Final = """
WITH moved AS (
    INSERT INTO request_rates AS r (tenant_id, key_id, full_at)
    VALUES (set_config('app.tenant_id', %(tenant)s, true), %(key)s, clock_timestamp() + %(step)s)
    ON CONFLICT (tenant_id, key_id) DO UPDATE SET full_at = CASE
        WHEN r.full_at > clock_timestamp() + %(step)s * (%(burst)s + 1) THEN clock_timestamp()
        ELSE greatest(r.full_at, clock_timestamp()) END + %(step)s
    WHERE greatest(r.full_at, clock_timestamp()) + %(step)s <= clock_timestamp() + %(step)s * %(burst)s
        -- It was moved so far by a slower rate, which holds no more.
        OR r.full_at > clock_timestamp() + %(step)s * (%(burst)s + 1)
    RETURNING full_at
)
SELECT true, least(full_at - clock_timestamp(), %(step)s * %(burst)s) FROM moved
UNION ALL
SELECT false, least(full_at - clock_timestamp(), %(step)s * %(burst)s) FROM request_rates
WHERE tenant_id = %(tenant)s AND key_id = %(key)s AND NOT EXISTS (SELECT FROM moved)
"""


async def take(connection: AsyncConnection[Any], tenant_id: str, key_id: str, rate: Rate) -> Taken:
    """Counts a request of this key in one statement, which is best a transaction of its own."""
    values = {"tenant": tenant_id, "key": key_id, "step": timedelta(seconds=1 / rate.per_s), "burst": float(rate.burst)}
    row = await (await connection.execute(_TAKE, values, prepare=True)).fetchone()
    if row is None:  # refused by a row that this statement's snapshot does not have yet
        return taken(rate, rate.burst / rate.per_s, passes=False)
    return taken(rate, max(0.0, row[1].total_seconds()), passes=bool(row[0]))
