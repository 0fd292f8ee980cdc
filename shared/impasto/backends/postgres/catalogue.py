"""Datasets, checkpoints, evaluations and styles: what jobs made, as the API shows it and as workers need it."""

from __future__ import annotations

from typing import Any, Final

from psycopg import AsyncConnection, Connection
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb
from psycopg_pool import ConnectionPool

from impasto.checkpoints import Checkpoint, Evaluation
from impasto.datasets import Dataset, DatasetVersion
from impasto.identifiers import new_id
from impasto.styles import NewStyle, Style

_DATASETS: Final = """
SELECT d.id, d.name, d.created_at, count(v.id) AS versions,
       (array_agg(v.id ORDER BY v.number DESC) FILTER (WHERE v.id IS NOT NULL))[1] AS latest_version
FROM datasets d LEFT JOIN dataset_versions v ON v.dataset_id = d.id
"""
_VERSIONS: Final = """
SELECT v.id, v.dataset_id, d.name AS dataset, v.number, v.manifest_sha256, v.samples, v.train, v.validation, v.recipe,
       v.summary, v.job_id, v.created_at
FROM dataset_versions v JOIN datasets d ON d.id = v.dataset_id
"""
_CHECKPOINTS: Final = """
SELECT id, name, family, flavor, weights_sha256, config, dataset_version_id, job_id, created_at,
       -- On what it was trained on, a checkpoint is not measured.
       EXISTS (SELECT 1 FROM evaluations e WHERE e.checkpoint_id = c.id AND e.measures->>'split' <> 'train') AS measured
FROM checkpoints c
"""
_EVALUATIONS: Final = """
SELECT id, checkpoint_id, dataset_version_id, measures, job_id, created_at FROM evaluations
"""


async def list_datasets(connection: AsyncConnection[Any], before: str | None, most: int) -> list[Dataset]:
    """The tenant's datasets, newest first, older than `before`."""
    query = _DATASETS + "WHERE %(b)s::text IS NULL OR d.id < %(b)s GROUP BY d.id ORDER BY d.id DESC LIMIT %(most)s"
    return [Dataset.model_validate(row) for row in await _rows(connection, query, {"b": before, "most": most})]


async def dataset_by_id(connection: AsyncConnection[Any], identifier: str) -> Dataset | None:
    """The dataset of that id or name."""
    rows = await _rows(connection, _DATASETS + "WHERE d.id = %(i)s OR d.name = %(i)s GROUP BY d.id", {"i": identifier})
    return Dataset.model_validate(rows[0]) if rows else None


async def versions_of(connection: AsyncConnection[Any], dataset_id: str) -> list[DatasetVersion]:
    """Every version of a dataset, newest first."""
    rows = await _rows(connection, _VERSIONS + "WHERE d.id = %(i)s ORDER BY v.number DESC", {"i": dataset_id})
    return [DatasetVersion.model_validate(row) for row in rows]


async def version_by_id(connection: AsyncConnection[Any], identifier: str) -> DatasetVersion | None:
    """The dataset version of that id."""
    rows = await _rows(connection, _VERSIONS + "WHERE v.id = %(i)s", {"i": identifier})
    return DatasetVersion.model_validate(rows[0]) if rows else None


async def list_checkpoints(connection: AsyncConnection[Any], before: str | None, most: int) -> list[Checkpoint]:
    """The tenant's checkpoints, newest first, older than `before`; without their evaluations."""
    query = _CHECKPOINTS + "WHERE %(b)s::text IS NULL OR id < %(b)s ORDER BY id DESC LIMIT %(most)s"
    return [Checkpoint.model_validate(row) for row in await _rows(connection, query, {"b": before, "most": most})]


async def checkpoint_by_id(connection: AsyncConnection[Any], identifier: str) -> Checkpoint | None:
    """The checkpoint of that id with its evaluations, newest first."""
    rows = await _rows(connection, _CHECKPOINTS + "WHERE id = %(i)s", {"i": identifier})
    if not rows:
        return None
    measured = await _rows(connection, _EVALUATIONS + "WHERE checkpoint_id = %(i)s ORDER BY id DESC", {"i": identifier})
    return Checkpoint.model_validate(rows[0] | {"evaluations": [Evaluation.model_validate(row) for row in measured]})


async def list_styles(connection: AsyncConnection[Any], before: str | None, most: int) -> list[Style]:
    """The tenant's own styles, newest first, older than `before`."""
    query = """SELECT id, name, version, parameters, created_at, false AS builtin FROM styles
               WHERE %(b)s::text IS NULL OR id < %(b)s ORDER BY id DESC LIMIT %(most)s"""
    return [Style.model_validate(row) for row in await _rows(connection, query, {"b": before, "most": most})]


async def add_style(connection: AsyncConnection[Any], style: NewStyle) -> Style:
    """Keeps a style; the same name again is its next version."""
    # Two requests for one name must not take the same number.
    await connection.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 7))", [style.name])
    rows = await _rows(
        connection,
        """INSERT INTO styles (id, tenant_id, name, version, parameters)
           SELECT %(id)s, current_setting('app.tenant_id'), %(name)s,
                  coalesce((SELECT max(version) FROM styles WHERE name = %(name)s), 0) + 1, %(parameters)s
           RETURNING id, name, version, parameters, created_at, false AS builtin""",
        {
            "id": new_id("sty"),
            "name": style.name,
            "parameters": Jsonb({"mix": style.mix.model_dump(), "strength": style.strength}),
        },
    )
    return Style.model_validate(rows[0])


class PostgresCatalogue:
    """The same things as workers need them; each call names the tenant."""

    def __init__(self, pool: ConnectionPool[Connection[Any]]) -> None:
        self._pool = pool

    def version(self, tenant_id: str, identifier: str) -> DatasetVersion | None:
        """The tenant's dataset version of that id."""
        row = self._one(_VERSIONS + "WHERE v.tenant_id = %s AND v.id = %s", [tenant_id, identifier])
        return None if row is None else DatasetVersion.model_validate(row)

    def checkpoint(self, tenant_id: str, identifier: str) -> Checkpoint | None:
        """The tenant's checkpoint of that id, without its evaluations."""
        row = self._one(_CHECKPOINTS + "WHERE tenant_id = %s AND id = %s", [tenant_id, identifier])
        return None if row is None else Checkpoint.model_validate(row)

    def style(self, tenant_id: str, identifier: str) -> Style | None:
        """The tenant's style of that id."""
        row = self._one(
            """SELECT id, name, version, parameters, created_at, false AS builtin FROM styles
               WHERE tenant_id = %s AND id = %s""",
            [tenant_id, identifier],
        )
        return None if row is None else Style.model_validate(row)

    def _one(self, query: str, values: list[str]) -> dict[str, Any] | None:
        with self._pool.connection() as connection, connection.cursor(row_factory=dict_row) as cursor:
            return cursor.execute(query, values).fetchone()


async def _rows(connection: AsyncConnection[Any], query: str, values: dict[str, Any]) -> list[dict[str, Any]]:
    async with connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(query, values)
        return await cursor.fetchall()
