"""Whether what the params of a job name is there, and may be used: of the tenant in `app.tenant_id`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from impasto.artifacts import PICTURE_TYPES
from impasto.backends.postgres.flows import Flow

# What proves that an identifier is the tenant's, by its prefix.
_TABLES: Final = {
    "art": "artworks",
    "dst": "datasets",
    "dsv": "dataset_versions",
    "ckp": "checkpoints",
    "evl": "evaluations",
    "sty": "styles",
    "job": "jobs",
    "pip": "pipelines",
}
_MINE: Final = "tenant_id = current_setting('app.tenant_id')"

# The same condition as the catalogue's `measured`.
_UNMEASURED: Final = f"""
SELECT c.id FROM checkpoints c
WHERE c.id = ANY(%(ids)s) AND c.{_MINE} AND NOT EXISTS (
    SELECT 1 FROM evaluations e WHERE e.checkpoint_id = c.id AND e.measures->>'split' <> 'train'
)
ORDER BY c.id LIMIT 1
"""  # noqa: S608  fixed texts


def first_missing(identifiers: Sequence[str]) -> Flow[str | None]:
    """The first of these that the tenant does not have."""
    by_table: dict[str, list[str]] = {}
    for identifier in identifiers:
        table = "artifacts" if identifier.startswith("sha256:") else _TABLES.get(identifier[:3])
        if table is None:
            return identifier
        by_table.setdefault(table, []).append(identifier)
    for table, wanted in by_table.items():
        found = "'sha256:' || sha256" if table == "artifacts" else "id"
        visible = "published_at IS NOT NULL" if table == "artifacts" else "true"
        rows = yield (
            f"SELECT w FROM unnest(%(ids)s::text[]) w WHERE NOT EXISTS "  # noqa: S608  fixed names
            f"(SELECT 1 FROM {table} WHERE {found} = w AND {visible} AND {_MINE}) LIMIT 1",
            {"ids": wanted},
        )
        if rows:
            return str(rows[0][0])
    return None


def first_unmeasured(checkpoint_ids: Sequence[str]) -> Flow[str | None]:
    """The first of these checkpoints that has no finished evaluation on works it was not trained on."""
    if not checkpoint_ids:
        return None
    rows = yield _UNMEASURED, {"ids": list(checkpoint_ids)}
    return str(rows[0][0]) if rows else None


def first_without_picture(digests: Sequence[str]) -> Flow[str | None]:
    """The first of these artifacts that is no picture."""
    if not digests:
        return None
    rows = yield (
        f"""SELECT 'sha256:' || sha256 FROM artifacts
            WHERE 'sha256:' || sha256 = ANY(%(ids)s) AND NOT media_type = ANY(%(types)s) AND {_MINE}
            ORDER BY sha256 LIMIT 1""",  # noqa: S608  fixed condition
        {"ids": list(digests), "types": list(PICTURE_TYPES)},
    )
    return str(rows[0][0]) if rows else None
