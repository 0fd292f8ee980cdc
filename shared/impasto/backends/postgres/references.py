"""What refers to a row, asked of the database itself: a table that is added later keeps what it refers to as well."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Final, Literal

from psycopg import Connection, sql

_CONSTRAINTS: Final = """
SELECT c.conrelid::regclass::text, array_agg(own.attname::text ORDER BY k.n),
       array_agg(theirs.attname::text ORDER BY k.n)
FROM pg_constraint c
CROSS JOIN LATERAL unnest(c.conkey, c.confkey) WITH ORDINALITY AS k (own, theirs, n)
JOIN pg_attribute own ON own.attrelid = c.conrelid AND own.attnum = k.own
JOIN pg_attribute theirs ON theirs.attrelid = c.confrelid AND theirs.attnum = k.theirs
WHERE c.contype = 'f' AND c.confrelid = %s::regclass AND c.confdeltype = 'a'
GROUP BY c.oid, c.conrelid ORDER BY 1
"""


def referred_to(
    connection: Connection[Any], table: Literal["jobs", "artifacts"], *, but_for: Collection[str] = ()
) -> sql.Composable:
    """A condition on rows of this table, named `r`: some row of another table keeps it.

    Tables whose rows go with it (`ON DELETE CASCADE`) do not count, nor do those in `but_for`.
    """
    found = connection.execute(_CONSTRAINTS, [table]).fetchall()
    exist = [
        sql.SQL("EXISTS (SELECT FROM {} x WHERE {})").format(
            sql.Identifier(name),
            sql.SQL(" AND ").join(
                sql.SQL("x.{} = r.{}").format(sql.Identifier(own), sql.Identifier(theirs))
                for own, theirs in zip(columns, keys, strict=True)
            ),
        )
        for name, columns, keys in found
        if name not in but_for
    ]
    return sql.SQL("({})").format(sql.SQL(" OR ").join(exist)) if exist else sql.SQL("false")
