"""Rows of artifacts: touched before an object is put, published by the commit that makes it visible."""

from __future__ import annotations

from typing import Any, Final

from psycopg import AsyncConnection, Connection
from psycopg_pool import ConnectionPool

from impasto.artifacts import ArtifactRef
from impasto.backends.postgres.quotas import check_result, check_upload

# Only the platform itself writes pictures: what it writes is one, whatever somebody uploaded the same bytes as before.
_TOUCH: Final = """
INSERT INTO artifacts (tenant_id, sha256, media_type, size_bytes) VALUES (%(tenant)s, %(sha256)s, %(type)s, %(size)s)
ON CONFLICT (tenant_id, sha256) DO UPDATE SET touched_at = now(),
    media_type = CASE WHEN excluded.media_type LIKE 'image/%%' THEN excluded.media_type ELSE artifacts.media_type END
RETURNING stored_at IS NOT NULL, xmax = 0
"""
_STORED: Final = """
UPDATE artifacts SET stored_at = coalesce(stored_at, now()), touched_at = now()
WHERE tenant_id = %(tenant)s AND sha256 = %(sha256)s
"""


class PostgresArtifacts:
    """Artifacts as workers write and read them."""

    def __init__(self, pool: ConnectionPool[Connection[Any]]) -> None:
        self._pool = pool

    def touch(self, tenant_id: str, artifact: ArtifactRef) -> bool:
        """Commits a touch, so that no sweep deletes the object; whether it is in the store already.

        Raises:
            LimitExceeded: the object is new, and the tenant's storage was full before it.
        """
        with self._pool.connection() as connection:
            row = connection.execute(_TOUCH, _values(tenant_id, artifact)).fetchone()
            assert row is not None
            if row[1]:
                check_result(connection, tenant_id, artifact.size_bytes)
        return bool(row[0])

    def stored(self, tenant_id: str, artifact: ArtifactRef) -> None:
        """Notes that the object is in the store."""
        with self._pool.connection() as connection:
            connection.execute(_STORED, _values(tenant_id, artifact))

    def published(self, tenant_id: str, sha256: str) -> ArtifactRef | None:
        """The tenant's visible artifact of that digest."""
        with self._pool.connection() as connection:
            row = connection.execute(
                """SELECT sha256, media_type, size_bytes FROM artifacts
                   WHERE tenant_id = %s AND sha256 = %s AND published_at IS NOT NULL""",
                [tenant_id, sha256],
            ).fetchone()
        return None if row is None else ArtifactRef(sha256=row[0], media_type=row[1], size_bytes=row[2])


async def touch(connection: AsyncConnection[Any], tenant_id: str, artifact: ArtifactRef) -> bool:
    """As `PostgresArtifacts.touch`, within a tenant's transaction; the caller commits before it puts the object.

    Raises:
        LimitExceeded: the object is new and does not fit into the tenant's storage.
    """
    cursor = await connection.execute(_TOUCH, _values(tenant_id, artifact))
    row = await cursor.fetchone()
    assert row is not None
    if row[1]:
        await check_upload(connection, tenant_id)
    return bool(row[0])


async def publish(connection: AsyncConnection[Any], tenant_id: str, sha256: str) -> None:
    """Makes a stored object visible."""
    await connection.execute(
        """UPDATE artifacts SET stored_at = coalesce(stored_at, now()), published_at = coalesce(published_at, now()),
               touched_at = now() WHERE tenant_id = %s AND sha256 = %s""",
        [tenant_id, sha256],
    )


async def published_artifact(connection: AsyncConnection[Any], sha256: str) -> ArtifactRef | None:
    """The visible artifact of that digest, within a tenant's transaction."""
    cursor = await connection.execute(
        "SELECT sha256, media_type, size_bytes FROM artifacts WHERE sha256 = %s AND published_at IS NOT NULL", [sha256]
    )
    row = await cursor.fetchone()
    return None if row is None else ArtifactRef(sha256=row[0], media_type=row[1], size_bytes=row[2])


def _values(tenant_id: str, artifact: ArtifactRef) -> dict[str, Any]:
    return {
        "tenant": tenant_id,
        "sha256": artifact.sha256,
        "type": artifact.media_type,
        "size": artifact.size_bytes,
    }
