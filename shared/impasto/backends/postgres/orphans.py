"""Objects in the store that no row knows: which they are, and how one is removed that somebody may be putting now."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

from psycopg import Connection

# An uncommitted row: whoever would touch this object now waits for the end of this transaction, and then puts it. One
# that has a row, or is just getting one, is left alone. What lies under the name of no tenant is not ours.
_CLAIM: Final = """
INSERT INTO artifacts (tenant_id, sha256, media_type, size_bytes)
SELECT u.tenant, u.digest, '', 0 FROM unnest(%(tenants)s::text[], %(digests)s::text[]) AS u (tenant, digest)
WHERE EXISTS (SELECT FROM tenants t WHERE t.id = u.tenant) ORDER BY 1, 2
ON CONFLICT DO NOTHING RETURNING tenant_id, sha256
"""
_OPEN: Final = "SELECT id FROM jobs WHERE id = ANY(%s) AND state IN ('queued', 'running')"
_TENANTS: Final = "SELECT id FROM tenants WHERE id = ANY(%s)"

# No lock of the row: a transaction that has a number holds up every tenant's event stream, and this one has none.
_WHERE: Final = """
SELECT after FROM walks
WHERE name = %s AND next_at <= now() AND pg_try_advisory_xact_lock(hashtextextended('walk ' || name, 11))
"""
_GONE_ON: Final = """
UPDATE walks SET after = %(after)s, next_at = now() + make_interval(secs => %(rest_s)s) WHERE name = %(name)s
"""


def where_to_go_on(connection: Connection[Any], walk: str) -> str | None:
    """After which key a walk goes on; None if it rests, or somebody else is at it. Nobody else is until the commit."""
    row = connection.execute(_WHERE, [walk]).fetchone()
    return None if row is None else str(row[0])


def go_on(connection: Connection[Any], walk: str, after: str, rest_s: float = 0.0) -> None:
    """Notes how far the walk has come, and for how long it rests then."""
    connection.execute(_GONE_ON, {"name": walk, "after": after, "rest_s": rest_s})


def remove_orphans(
    connection: Connection[Any], found: Sequence[tuple[str, str]], remove: Callable[[str, str], None]
) -> int:
    """Removes those of these objects, each a tenant and a digest, that no row knows. Rolls back in the end."""
    values = {"tenants": [tenant for tenant, _ in found], "digests": [digest for _, digest in found]}
    orphans = connection.execute(_CLAIM, values).fetchall()
    for tenant_id, sha256 in orphans:
        remove(tenant_id, sha256)
    connection.rollback()
    return len(orphans)


def jobs_over(connection: Connection[Any], found: Sequence[tuple[str, str]]) -> set[tuple[str, str]]:
    """Those of these, each a tenant and a job, that have ended or are gone: nobody goes on from what they left."""
    tenants = {row[0] for row in connection.execute(_TENANTS, [[tenant for tenant, _ in found]]).fetchall()}
    still = {row[0] for row in connection.execute(_OPEN, [[job for _, job in found]]).fetchall()}
    return {(tenant, job) for tenant, job in found if tenant in tenants and job not in still}
