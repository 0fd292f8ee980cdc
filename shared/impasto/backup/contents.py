"""What a database holds and what it refers to, read in one snapshot: the one that its dump shows as well."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import psycopg
from psycopg import Connection, sql
from pydantic import BaseModel

from impasto.artifacts import object_key
from impasto.backends.postgres.references import referred_to
from impasto.errors import ImpastoError, Unavailable

# What is only on its way (touched, not stored yet) is not listed: whoever puts it does so anew after a restore.
_ARTIFACTS: Final = sql.SQL("""
SELECT r.tenant_id, r.sha256, r.size_bytes, r.media_type, r.published_at IS NOT NULL OR {kept}
FROM artifacts r WHERE r.stored_at IS NOT NULL OR r.published_at IS NOT NULL OR {kept} ORDER BY r.sha256, r.tenant_id
""")
_STATES: Final = """
SELECT tenant_id, last_checkpoint->>'sha256', (last_checkpoint->>'size_bytes')::bigint, last_checkpoint->>'key'
FROM jobs WHERE last_checkpoint IS NOT NULL AND state IN ('queued', 'running') ORDER BY id
"""
_TABLES: Final = """
SELECT c.relname FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r'
    AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = c.oid AND d.deptype = 'e') ORDER BY 1
"""


class ListedObject(BaseModel):
    """An object that the database knows: an artifact, or with a `state_key` the state of a training that goes on.

    `needed`: something refers to it, so that a backup without it is none.
    """

    tenant_id: str
    sha256: str
    size_bytes: int
    media_type: str = ""
    needed: bool = False
    state_key: str | None = None

    @property
    def key(self) -> str:
        """Where it lies in the bucket."""
        return self.state_key or object_key(self.tenant_id, self.sha256)


@contextmanager
def snapshot(admin_url: str) -> Iterator[Connection[Any]]:
    """A transaction that sees one state of the whole database, and every row of it or none.

    Raises:
        Unavailable: the database does not answer, or refuses the address.
    """
    try:
        with psycopg.connect(admin_url) as connection:
            connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
            # A role that is bound by policies would see a part of the rows: that is an error, never a smaller backup.
            connection.execute("SET LOCAL row_security = off")
            yield connection
    except psycopg.errors.InsufficientPrivilege as error:
        raise Unavailable(
            "database_unavailable",
            f"the database does not show everything to this role: {error.diag.message_primary}",
            hint="the address has to be of a superuser, or of the owner with the attribute BYPASSRLS",
        ) from error
    except psycopg.OperationalError as error:
        raise Unavailable("database_unavailable", f"the database does not answer: {error}") from error


def exported(connection: Connection[Any]) -> str:
    """The snapshot's name, under which `pg_dump` reads the same."""
    return str(_one(connection, "SELECT pg_export_snapshot()"))


def server_major(connection: Connection[Any]) -> int:
    return connection.info.server_version // 10000


def migration_of(connection: Connection[Any]) -> str:
    """The newest migration that the database has had.

    Raises:
        ImpastoError: it has had none: there is no platform in it.
    """
    if _one(connection, "SELECT to_regclass('public.alembic_version')") is None:
        raise ImpastoError(
            "backup_unusable", "there is no platform in this database", hint="impasto up makes one; is it the address?"
        )
    return str(_one(connection, "SELECT version_num FROM alembic_version"))


def tables_of(connection: Connection[Any]) -> list[str]:
    return [row[0] for row in connection.execute(_TABLES).fetchall()]


def rows_by_table(connection: Connection[Any]) -> dict[str, int]:
    count = sql.SQL("SELECT count(*) FROM {}")
    return {name: int(_one(connection, count.format(sql.Identifier(name)))) for name in tables_of(connection)}


def listed_objects(connection: Connection[Any]) -> Iterator[ListedObject]:
    """Every object that the database says is in the bucket, equal digests after one another; then trainings' states."""
    artifacts = _ARTIFACTS.format(kept=referred_to(connection, "artifacts"))
    with connection.cursor("objects") as cursor:
        cursor.execute(artifacts)
        for tenant_id, sha256, size_bytes, media_type, needed in cursor:
            yield ListedObject(
                tenant_id=tenant_id, sha256=sha256, size_bytes=size_bytes, media_type=media_type, needed=needed
            )
    for tenant_id, sha256, size_bytes, key in connection.execute(_STATES).fetchall():
        yield ListedObject(tenant_id=tenant_id, sha256=sha256, size_bytes=size_bytes, state_key=key)


def _one(connection: Connection[Any], query: str | sql.Composed) -> Any:
    row = connection.execute(query).fetchone()
    assert row is not None
    return row[0]
