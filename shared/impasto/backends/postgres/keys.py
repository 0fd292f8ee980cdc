"""Tenants and API keys in PostgreSQL."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import AsyncConnection, Connection

from impasto.identifiers import new_id
from impasto.tenants import ApiKeyRecord, NewKey, Scope

_COLUMNS = "id, name, scopes, created_at, expires_at, revoked_at, last_used_at"


def ensure_tenant(connection: Connection[Any], name: str) -> str:
    """The id of the tenant of that name, which is made if there is none. As role impasto_engine."""
    connection.execute("INSERT INTO tenants (id, name) VALUES (%s, %s) ON CONFLICT DO NOTHING", [new_id("tnt"), name])
    row = connection.execute("SELECT id FROM tenants WHERE name = %s", [name]).fetchone()
    assert row is not None
    return str(row[0])


def add_key(connection: Connection[Any], tenant_id: str, key: NewKey, name: str, scopes: list[Scope]) -> None:
    """Stores a new key; its secret only as a digest."""
    connection.execute(
        "INSERT INTO api_keys (id, tenant_id, name, secret_sha256, scopes) VALUES (%s, %s, %s, %s, %s)",
        [key.id, tenant_id, name, key.secret_sha256, scopes],
    )


@dataclass(frozen=True, slots=True)
class KnownKey:
    """A key that may be used, and how fast its tenant's keys may ask; None: as the platform's settings say."""

    tenant_id: str
    secret_sha256: bytes
    scopes: list[Scope]
    requests_per_s: float | None
    requests_burst: int | None
    # Whether a submission has to be counted against a quota of the tenant.
    has_quotas: bool


async def key_for_request(connection: AsyncConnection[Any], key_id: str) -> KnownKey | None:
    """The key of that id, if it is neither revoked nor expired; notes its use once a minute."""
    await connection.execute("SELECT set_config('app.key_id', %s, true)", [key_id])
    cursor = await connection.execute(
        """SELECT k.tenant_id, k.secret_sha256, k.scopes, t.requests_per_s, t.requests_burst,
                  coalesce(t.queued_cap::double precision, t.device_seconds_a_day, t.storage_bytes) IS NOT NULL,
                  coalesce(k.last_used_at < now() - interval '1 minute', true)
           FROM api_keys k LEFT JOIN tenants t ON t.id = k.tenant_id
           WHERE k.id = %s AND k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > now())""",
        [key_id],
    )
    row = await cursor.fetchone()
    if row is None:
        return None
    if row[-1]:
        await connection.execute("SELECT set_config('app.tenant_id', %s, true)", [row[0]])
        await connection.execute("UPDATE api_keys SET last_used_at = now() WHERE id = %s", [key_id])
    return KnownKey(*row[:-1])


async def create_key(
    connection: AsyncConnection[Any],
    tenant_id: str,
    key: NewKey,
    *,
    name: str,
    scopes: list[Scope],
    expires_at: datetime | None,
) -> ApiKeyRecord:
    """Stores a new key of the tenant whose request this is."""
    cursor = await connection.execute(
        f"""INSERT INTO api_keys (id, tenant_id, name, secret_sha256, scopes, expires_at)
            VALUES (%s, %s, %s, %s, %s, %s) RETURNING {_COLUMNS}""",  # noqa: S608  fixed columns
        [key.id, tenant_id, name, key.secret_sha256, scopes, expires_at],
    )
    row = await cursor.fetchone()
    assert row is not None
    return _record(row)


async def list_keys(connection: AsyncConnection[Any]) -> list[ApiKeyRecord]:
    """Every key of the tenant, newest first."""
    cursor = await connection.execute(f"SELECT {_COLUMNS} FROM api_keys ORDER BY created_at DESC, id")  # noqa: S608
    return [_record(row) for row in await cursor.fetchall()]


async def revoke_key(connection: AsyncConnection[Any], key_id: str) -> ApiKeyRecord | None:
    """Revokes a key for good; None if there is none of that id. Revoking again changes nothing."""
    cursor = await connection.execute(
        f"UPDATE api_keys SET revoked_at = coalesce(revoked_at, now()) WHERE id = %s RETURNING {_COLUMNS}",  # noqa: S608
        [key_id],
    )
    row = await cursor.fetchone()
    return None if row is None else _record(row)


def _record(row: tuple[Any, ...]) -> ApiKeyRecord:
    return ApiKeyRecord.model_validate(dict(zip(_COLUMNS.split(", "), row, strict=True)))
