"""Connections: pools for the services, and the one way a tenant's transaction is opened."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from psycopg import AsyncConnection, Connection, OperationalError
from psycopg_pool import AsyncConnectionPool, ConnectionPool, PoolTimeout

from impasto.errors import Unavailable

# A half-open connection is found in about half a minute instead of two hours.
# How long one attempt to connect goes on. The pool doubles the pauses within an attempt: after an outage of a minute
# and a half nobody would be served for another half a minute. A new attempt begins with whoever asks next.
_RECONNECT_S = 4.0
_KEEPALIVE = {"keepalives": 1, "keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 3}


def api_pool(url: str, *, most: int = 16) -> AsyncConnectionPool[AsyncConnection[Any]]:
    """A pool for role impasto_api; open it in the application's lifespan."""
    return AsyncConnectionPool(
        url,
        min_size=1,
        max_size=most,
        timeout=5,
        max_idle=120,
        reconnect_timeout=_RECONNECT_S,
        open=False,
        # After an outage nobody is handed a dead connection; on a living one this is a round trip without a statement.
        check=AsyncConnectionPool.check_connection,
        kwargs={"connect_timeout": 5, **_KEEPALIVE},
    )


def engine_pool(url: str, *, most: int = 4, plan_once: bool = False) -> ConnectionPool[Connection[Any]]:
    """A pool for role impasto_engine.

    With `plan_once` a prepared statement keeps its plan: to plan a claim takes longer than to run it.
    """
    return ConnectionPool(
        url,
        min_size=1,
        max_size=most,
        timeout=5,
        max_idle=120,
        reconnect_timeout=_RECONNECT_S,
        open=True,
        check=ConnectionPool.check_connection,
        kwargs={
            "connect_timeout": 5,
            **_KEEPALIVE,
            **({"options": "-c plan_cache_mode=force_generic_plan"} if plan_once else {}),
        },
    )


@asynccontextmanager
async def tenant_transaction(
    pool: AsyncConnectionPool[AsyncConnection[Any]], tenant_id: str
) -> AsyncIterator[AsyncConnection[Any]]:
    """A transaction that sees and writes only this tenant's rows.

    Raises:
        Unavailable: the database does not answer.
    """
    try:
        async with pool.connection() as connection, connection.transaction():
            await connection.execute("SELECT set_config('app.tenant_id', %s, true)", [tenant_id])
            yield connection
    except (OperationalError, PoolTimeout) as error:
        raise Unavailable("database_unavailable", "the database does not answer", hint="try again shortly") from error
