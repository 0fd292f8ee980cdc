"""Quotas in PostgreSQL: counted in the transaction that would go beyond them, and shown to tenants and operators."""

from __future__ import annotations

from typing import Any, Final

from psycopg import AsyncConnection, Connection
from psycopg.types.json import Jsonb

from impasto.quotas import Figures, TenantLimits, TenantUsage, used_up

_COLUMNS: Final = (
    "id, name, queued_cap, running_cap, device_seconds_a_day, storage_bytes, requests_per_s, requests_burst, "
    "queued, running, device_s, stored_bytes, resets_at"
)
_LIMITS: Final = """
SELECT queued_cap, device_seconds_a_day, storage_bytes FROM tenants WHERE id = current_setting('app.tenant_id')
"""
# One that counts at a time, of the tenants that have such a quota: what it sees is all that is committed, and its own.
_ALONE: Final = "SELECT pg_advisory_xact_lock(hashtextextended(%s, %s))"
_QUEUED_LOCK: Final = 9
_STORAGE_LOCK: Final = 10
# With the steps of pipelines that are no jobs yet: otherwise a pipeline would be a way around the queue's limit.
_QUEUED: Final = """
SELECT count(*) FROM (
    (SELECT 1 FROM jobs WHERE tenant_id = current_setting('app.tenant_id') AND state = 'queued' LIMIT %(most)s)
    UNION ALL
    (SELECT 1 FROM pipeline_steps WHERE tenant_id = current_setting('app.tenant_id') AND state = 'waiting'
     LIMIT %(most)s)
) AS waiting
"""
_DEVICE: Final = """
SELECT device_seconds_today(current_setting('app.tenant_id')),
       extract(epoch FROM date_trunc('day', now(), 'UTC') + interval '24 hours' - now())::double precision
"""
_STORED: Final = "SELECT coalesce(sum(bytes), 0)::bigint FROM tenant_storage WHERE tenant_id = %s"
_STORAGE_LIMIT: Final = "SELECT storage_bytes FROM tenants WHERE id = %s"
# One more than may be is enough to know; more are counted only to be told.
_TELLS_UP_TO: Final = 1000


async def check_submission(connection: AsyncConnection[Any]) -> None:
    """Refuses what this tenant's transaction has just put into the queue, if that was too much; the caller rolls back.

    Raises:
        LimitExceeded: a quota is used up.
    """
    row = await (await connection.execute(_LIMITS)).fetchone()
    if row is None:
        return
    queued_cap, device_s, storage_bytes = row
    if device_s is not None:
        await _check_device(connection, device_s)
    if storage_bytes is not None:
        tenant = await _value(connection, "SELECT current_setting('app.tenant_id')")
        if (stored := await _value(connection, _STORED, tenant)) >= storage_bytes:
            raise used_up("storage_bytes", storage_bytes, stored)
    if queued_cap is not None:
        await _check_queued(connection, queued_cap)


async def _check_device(connection: AsyncConnection[Any], limit_s: float) -> None:
    row = await (await connection.execute(_DEVICE)).fetchone()
    assert row is not None
    if row[0] >= limit_s:
        raise used_up("device_seconds_a_day", limit_s, round(row[0], 3), retry_after_s=row[1])


async def _check_queued(connection: AsyncConnection[Any], cap: int) -> None:
    tenant = await _value(connection, "SELECT current_setting('app.tenant_id')")
    await connection.execute(_ALONE, [tenant, _QUEUED_LOCK])
    row = await (await connection.execute(_QUEUED, {"most": cap + _TELLS_UP_TO})).fetchone()
    queued = row[0] if row else 0
    if queued > cap:
        raise used_up("queued", cap, queued)


async def check_room(connection: AsyncConnection[Any], tenant_id: str) -> None:
    """Refuses an upload before it is received, if nothing could be stored.

    Raises:
        LimitExceeded: the tenant's storage is full.
    """
    limit = await _value(connection, _STORAGE_LIMIT, tenant_id)
    if limit is not None and (stored := await _value(connection, _STORED, tenant_id)) >= limit:
        raise used_up("storage_bytes", limit, stored)


async def check_upload(connection: AsyncConnection[Any], tenant_id: str) -> None:
    """Refuses the artifact whose row this transaction has just made, if it does not fit; the caller rolls back.

    Raises:
        LimitExceeded: the tenant's storage is used up.
    """
    limit = await _value(connection, _STORAGE_LIMIT, tenant_id)
    if limit is None:
        return
    await connection.execute(_ALONE, [tenant_id, _STORAGE_LOCK])
    if (stored := await _value(connection, _STORED, tenant_id)) > limit:
        raise used_up("storage_bytes", limit, stored)


def check_result(connection: Connection[Any], tenant_id: str, size_bytes: int) -> None:
    """As `check_upload`, for what a job has made: only if the storage was full without it.

    Raises:
        LimitExceeded: it was.
    """
    row = connection.execute(_STORAGE_LIMIT, [tenant_id]).fetchone()
    if row is None or row[0] is None:
        return
    stored = connection.execute(_STORED, [tenant_id]).fetchone()
    assert stored is not None
    if stored[0] - size_bytes >= row[0]:
        raise used_up("storage_bytes", row[0], stored[0])


async def own_usage(connection: AsyncConnection[Any]) -> TenantUsage:
    """What the tenant of this transaction uses and may."""
    cursor = await connection.execute(f"SELECT {_COLUMNS} FROM usage_of_tenants()")  # noqa: S608  fixed columns
    (row,) = await cursor.fetchall()
    return _usage(row)


async def every_usage(connection: AsyncConnection[Any], tenant: str | None = None) -> list[TenantUsage]:
    """Every tenant by name, or the one of that id or name; for operators."""
    cursor = await connection.execute(
        f"SELECT {_COLUMNS} FROM known_tenants() WHERE %(t)s::text IS NULL OR %(t)s IN (id, name)",  # noqa: S608
        {"t": tenant},
    )
    return [_usage(row) for row in await cursor.fetchall()]


async def change_limits(connection: AsyncConnection[Any], tenant_id: str, limits: TenantLimits) -> None:
    """Sets the limits that are given, to None as well; for operators."""
    changes = limits.model_dump(exclude_unset=True)
    await connection.execute("SELECT set_tenant_limits(%s, %s)", [tenant_id, Jsonb(changes)])


def _usage(row: tuple[Any, ...]) -> TenantUsage:
    tenant_id, name, queued, running, device_s, storage, per_s, burst, *used, resets_at = row
    limits = TenantLimits(
        queued=queued, running=running, device_seconds_a_day=device_s, storage_bytes=storage,
        requests_per_s=per_s, requests_burst=burst,
    )  # fmt: skip
    figures = Figures(queued=used[0], running=used[1], device_seconds_today=round(used[2], 3), storage_bytes=used[3])
    return TenantUsage(id=tenant_id, name=name, used=figures, limits=limits, resets_at=resets_at)


async def _value(connection: AsyncConnection[Any], query: str, *values: Any) -> Any:
    row = await (await connection.execute(query, values)).fetchone()
    return None if row is None else row[0]
