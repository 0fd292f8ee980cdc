"""Flows of statements: written once, performed on the connection of a worker as on that of a request.

A flow yields a statement with its values and is sent the rows that came of it. It neither begins nor ends the
transaction.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from typing import Any, TypeVar

from psycopg import AsyncConnection, Connection

T = TypeVar("T")
Statement = tuple[str, Mapping[str, Any]]
Flow = Generator[Statement, list[tuple[Any, ...]], T]


def perform(connection: Connection[Any], flow: Flow[T]) -> T:
    """Performs the flow within the connection's transaction."""
    rows: list[tuple[Any, ...]] | None = None
    try:
        while True:
            cursor = connection.execute(*(next(flow) if rows is None else flow.send(rows)))
            rows = cursor.fetchall() if cursor.description else []
    except StopIteration as end:
        value: T = end.value
        return value


async def perform_async(connection: AsyncConnection[Any], flow: Flow[T]) -> T:
    """The same, awaited."""
    rows: list[tuple[Any, ...]] | None = None
    try:
        while True:
            cursor = await connection.execute(*(next(flow) if rows is None else flow.send(rows)))
            rows = await cursor.fetchall() if cursor.description else []
    except StopIteration as end:
        value: T = end.value
        return value
