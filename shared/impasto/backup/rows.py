"""Rows around a restore: whether there are any, removing them, and what a new life of the platform begins with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from psycopg import Connection, sql

from impasto.backends.postgres.losses import OWN, REQUEUE
from impasto.backends.postgres.migrate import known_migrations
from impasto.backends.sealing import SealedVault
from impasto.backup.contents import ListedObject, tables_of
from impasto.errors import ImpastoError

# No worker of before may write a result: one that outlived its platform may hold an epoch that the dump has not seen.
_EPOCHS_APART: Final = 1000

_FUNCTIONS: Final = """
SELECT p.oid::regprocedure::text FROM pg_proc p WHERE p.pronamespace = 'public'::regnamespace
    AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = p.oid AND d.deptype = 'e')
"""
_SESSIONS: Final = """
SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND usename IN ('impasto_api', 'impasto_engine')
"""
_ABSENT: Final = """
UPDATE artifacts a SET stored_at = NULL FROM unnest(%s::text[], %s::text[]) AS u (tenant, digest)
WHERE a.tenant_id = u.tenant AND a.sha256 = u.digest
"""


def sessions_of_parts(connection: Connection[Any]) -> int:
    """How many connections the platform's own parts have."""
    return _count(connection, _SESSIONS)


def tenants(connection: Connection[Any]) -> int:
    """How many tenants there are; none in a database without a schema."""
    there = connection.execute("SELECT to_regclass('public.tenants')").fetchone()
    return _count(connection, "SELECT count(*) FROM tenants") if there and there[0] else 0


def is_ours(connection: Connection[Any]) -> bool:
    """Whether the database is empty, or has a schema of an Impasto that this one knows."""
    tables = tables_of(connection)
    if "alembic_version" not in tables:
        return not tables
    found = connection.execute("SELECT version_num FROM alembic_version").fetchall()
    return "tenants" in tables and all(version in known_migrations() for (version,) in found)


def drop_everything(connection: Connection[Any]) -> None:
    """Removes our tables and functions; the schema, its rights, and what extensions brought stay."""
    with connection.transaction():
        for name in tables_of(connection):
            connection.execute(sql.SQL("DROP TABLE {} CASCADE").format(sql.Identifier(name)))
        for (signature,) in connection.execute(_FUNCTIONS).fetchall():
            # As PostgreSQL itself writes and quotes it.
            connection.execute(f"DROP ROUTINE IF EXISTS {signature} CASCADE")


def settle(connection: Connection[Any], absent: Sequence[ListedObject]) -> int:
    """Makes the rows true of now, in one commit; how many jobs are queued again.

    No worker of the dump lives, and the jobs that ran wait again, at no cost to them or their tenant. What the bucket
    lacks is not said to be there.
    """
    connection.execute("DELETE FROM workers")
    # The time since the dump was nobody's use of a device.
    connection.execute("UPDATE jobs SET claimed_at = now() WHERE state = 'running'")
    moved = connection.execute(
        REQUEUE.format(condition="true", locking=OWN), {"cause": "restored", "pause_s": 0.0}
    ).fetchall()
    connection.execute("UPDATE jobs SET epoch = epoch + %s WHERE state = 'queued'", [_EPOCHS_APART])
    artifacts = [listed for listed in absent if not listed.state_key]
    connection.execute(_ABSENT, [[each.tenant_id for each in artifacts], [each.sha256 for each in artifacts]])
    states = [listed.state_key for listed in absent if listed.state_key]
    connection.execute("UPDATE jobs SET last_checkpoint = NULL WHERE last_checkpoint->>'key' = ANY(%s)", [states])
    connection.commit()
    return len(moved)


def sealed_otherwise(connection: Connection[Any], keys: str) -> int:
    """How many endpoints of webhooks have a secret that these keys do not open."""
    sealed = connection.execute("SELECT secret FROM webhook_endpoints WHERE secret IS NOT NULL").fetchall()
    try:
        vault = SealedVault(keys)
    except ImpastoError:
        return len(sealed)
    return sum(not _opens(vault, bytes(secret)) for (secret,) in sealed)


def _opens(vault: SealedVault, secret: bytes) -> bool:
    try:
        vault.open(secret)
    except ValueError:
        return False
    return True


def _count(connection: Connection[Any], query: str) -> int:
    row = connection.execute(query).fetchone()
    assert row is not None
    return int(row[0])
