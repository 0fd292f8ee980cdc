"""Artworks in PostgreSQL: written by ingestion, listed by the gateway, streamed to workers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from psycopg import AsyncConnection, Connection
from psycopg.rows import dict_row
from psycopg_pool import ConnectionPool

from impasto.artworks import Artwork
from impasto.kinds.dataset_prepare import ArtworkSelection

COLUMNS: Final = (
    "id, sha256, media_type, width, height, size_bytes, file_name, caption, title, artist, date, medium, subject, "
    "collection, licence, consent, provenance, warnings, created_at"
)
_INSERT: Final = f"""
INSERT INTO artworks (id, tenant_id, upload_sha256, sha256, media_type, width, height, size_bytes, file_name, caption,
    title, artist, date, medium, subject, collection, licence, consent, provenance, warnings)
VALUES (%(id)s, current_setting('app.tenant_id'), %(upload_sha256)s, %(sha256)s, %(media_type)s, %(width)s, %(height)s,
    %(size_bytes)s, %(file_name)s, %(caption)s, %(title)s, %(artist)s, %(date)s, %(medium)s, %(subject)s,
    %(collection)s, %(licence)s, %(consent)s, %(provenance)s, %(warnings)s)
ON CONFLICT (tenant_id, upload_sha256) DO NOTHING RETURNING {COLUMNS}
"""  # noqa: S608  fixed columns
_BLOCK: Final = 500


async def insert_artwork(connection: AsyncConnection[Any], values: dict[str, Any]) -> Artwork | None:
    """Stores an artwork; None if the tenant has one of the same uploaded bytes."""
    async with connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(_INSERT, values)
        row = await cursor.fetchone()
    return None if row is None else Artwork.model_validate(row)


async def artwork_by_upload(connection: AsyncConnection[Any], upload_sha256: str) -> Artwork | None:
    """The artwork made of a file with these bytes."""
    return await _one(connection, "upload_sha256 = %s", upload_sha256)


async def artwork_by_id(connection: AsyncConnection[Any], artwork_id: str) -> Artwork | None:
    """The tenant's artwork of that id."""
    return await _one(connection, "id = %s", artwork_id)


async def list_artworks(
    connection: AsyncConnection[Any], *, collection: str | None, artist: str | None, before: str | None, most: int
) -> list[Artwork]:
    """The tenant's artworks, newest first, older than `before`."""
    async with connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(
            f"""SELECT {COLUMNS} FROM artworks WHERE tenant_id = current_setting('app.tenant_id')
                AND (%(before)s::text IS NULL OR id < %(before)s)
                AND (%(collection)s::text IS NULL OR collection = %(collection)s)
                AND (%(artist)s::text IS NULL OR artist = %(artist)s) ORDER BY id DESC LIMIT %(most)s""",  # noqa: S608
            {"before": before, "collection": collection, "artist": artist, "most": most},
        )
        return [Artwork.model_validate(row) for row in await cursor.fetchall()]


async def _one(connection: AsyncConnection[Any], condition: str, value: str) -> Artwork | None:
    async with connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(f"SELECT {COLUMNS} FROM artworks WHERE {condition}", [value])  # noqa: S608
        row = await cursor.fetchone()
    return None if row is None else Artwork.model_validate(row)


class PostgresArtworks:
    """Artworks and their features as workers read and write them; each call names the tenant."""

    def __init__(self, pool: ConnectionPool[Connection[Any]]) -> None:
        self._pool = pool

    def by_id(self, tenant_id: str, artwork_id: str) -> Artwork | None:
        """The tenant's artwork of that id."""
        return next(self.by_ids(tenant_id, [artwork_id]), None)

    def by_ids(self, tenant_id: str, ids: list[str]) -> Iterator[Artwork]:
        """Those of these artworks that the tenant has, by id."""
        query = f"SELECT {COLUMNS} FROM artworks WHERE tenant_id = %s AND id = ANY(%s) ORDER BY id"  # noqa: S608
        with self._pool.connection() as connection, connection.cursor(row_factory=dict_row) as cursor:
            rows = cursor.execute(query, [tenant_id, ids]).fetchall()
        yield from (Artwork.model_validate(row) for row in rows)

    def selected(self, tenant_id: str, selection: ArtworkSelection) -> Iterator[Artwork]:
        """The chosen artworks in order of their ids, read in blocks: memory does not grow with the collection."""
        after = ""
        while True:
            block = self._block_after(tenant_id, selection, after)
            yield from block
            if len(block) < _BLOCK:
                return
            after = block[-1].id

    def count(self, tenant_id: str, selection: ArtworkSelection) -> int:
        """How many artworks are chosen."""
        condition, values = _condition(selection)
        with self._pool.connection() as connection:
            row = connection.execute(
                f"SELECT count(*) FROM artworks WHERE tenant_id = %(tenant)s AND {condition}",  # noqa: S608
                {"tenant": tenant_id, **values},
            ).fetchone()
        return 0 if row is None else int(row[0])

    def add_features(self, tenant_id: str, encoder: str, vectors: dict[str, bytes]) -> None:
        """Stores feature vectors (little-endian float16) by artwork id; those that are there stay."""
        with self._pool.connection() as connection:
            connection.execute(
                """INSERT INTO artwork_features (tenant_id, artwork_id, encoder, vector)
                   SELECT %s, id, %s, vector FROM unnest(%s::text[], %s::bytea[]) AS v (id, vector)
                   ORDER BY id  -- in one order everywhere, or two workers wait for one another
                   ON CONFLICT DO NOTHING""",
                [tenant_id, encoder, list(vectors), list(vectors.values())],
            )

    def features_after(self, tenant_id: str, encoder: str, seq: int, most: int) -> list[tuple[int, str, bytes]]:
        """(seq, artwork id, vector) of at most `most` vectors newer than `seq`.

        Only below the oldest open transaction: sequence numbers do not become visible in order.
        """
        with self._pool.connection() as connection:
            return connection.execute(
                """SELECT seq, artwork_id, vector FROM artwork_features
                   WHERE tenant_id = %s AND encoder = %s AND seq > %s
                     AND xid < pg_snapshot_xmin(pg_current_snapshot()) ORDER BY seq LIMIT %s""",
                [tenant_id, encoder, seq, most],
            ).fetchall()

    def without_features(self, tenant_id: str, encoder: str, most: int) -> list[Artwork]:
        """At most `most` of the tenant's artworks that have no vector of this encoder, newest first."""
        query = f"""SELECT {COLUMNS} FROM artworks a WHERE tenant_id = %s AND NOT EXISTS (
                        SELECT 1 FROM artwork_features f
                        WHERE f.tenant_id = a.tenant_id AND f.artwork_id = a.id AND f.encoder = %s)
                    ORDER BY id DESC LIMIT %s"""  # noqa: S608  fixed columns
        with self._pool.connection() as connection, connection.cursor(row_factory=dict_row) as cursor:
            rows = cursor.execute(query, [tenant_id, encoder, most]).fetchall()
        return [Artwork.model_validate(row) for row in rows]

    def _block_after(self, tenant_id: str, selection: ArtworkSelection, after: str) -> list[Artwork]:
        condition, values = _condition(selection)
        query = f"""SELECT {COLUMNS} FROM artworks WHERE tenant_id = %(tenant)s AND id > %(after)s AND {condition}
                    ORDER BY id LIMIT {_BLOCK}"""  # noqa: S608  fixed texts
        with self._pool.connection() as connection, connection.cursor(row_factory=dict_row) as cursor:
            rows = cursor.execute(query, {"tenant": tenant_id, "after": after, **values}).fetchall()
        return [Artwork.model_validate(row) for row in rows]


def _condition(selection: ArtworkSelection) -> tuple[str, dict[str, Any]]:
    if selection.ids is not None:
        return "id = ANY(%(ids)s)", {"ids": selection.ids}
    given = {f: v for f in ("collection", "artist", "medium") if (v := getattr(selection, f)) is not None}
    return " AND ".join([*(f"{field} = %({field})s" for field in given), "true"]), given
