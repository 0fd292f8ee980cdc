"""Connections: pools for the services, and the one way a tenant's transaction is opened."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any, Final
from weakref import WeakKeyDictionary

from psycopg import AsyncConnection, BaseConnection, Connection, OperationalError, sql
from psycopg_pool import AsyncConnectionPool, ConnectionPool, PoolTimeout

from impasto.errors import Unavailable

# A half-open connection is found in about half a minute instead of two hours.
# How long one attempt to connect goes on. The pool doubles the pauses within an attempt: after an outage of a minute
# and a half nobody would be served for another half a minute. A new attempt begins with whoever asks next.
_RECONNECT_S = 4.0
_KEEPALIVE = {
    "keepalives": 1,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    # The same for what was sent and is never acknowledged: TCP itself would try for a quarter of an hour.
    "tcp_user_timeout": 25_000,
}


# Connections that a service keeps although it is idle: whoever comes in a burst does not wait for one to be made.
_READY: Final = 4
# A connection that answered so lately is handed out unseen.
_SURE_S: Final = 1.0


class _Rested:
    """After an outage nobody is handed a dead connection: those that rested are asked for a sign of life first."""

    def __init__(self) -> None:
        self._seen: WeakKeyDictionary[BaseConnection[Any], float] = WeakKeyDictionary()

    async def check(self, connection: AsyncConnection[Any]) -> None:
        if self._rested(connection):
            await AsyncConnectionPool.check_connection(connection)
            self._seen[connection] = time.monotonic()

    def check_now(self, connection: Connection[Any]) -> None:
        if self._rested(connection):
            ConnectionPool.check_connection(connection)
            self._seen[connection] = time.monotonic()

    async def used(self, connection: AsyncConnection[Any]) -> None:
        self._seen[connection] = time.monotonic()

    def used_now(self, connection: Connection[Any]) -> None:
        self._seen[connection] = time.monotonic()

    def _rested(self, connection: BaseConnection[Any]) -> bool:
        return time.monotonic() - self._seen.get(connection, 0.0) > _SURE_S


def api_pool(url: str, *, most: int = 16) -> AsyncConnectionPool[AsyncConnection[Any]]:
    """A pool for role impasto_api; open it in the application's lifespan."""
    rested = _Rested()
    return AsyncConnectionPool(
        url,
        min_size=min(_READY, most),
        max_size=most,
        timeout=5,
        max_idle=120,
        reconnect_timeout=_RECONNECT_S,
        open=False,
        check=rested.check,
        reset=rested.used,
        # `tenant_transaction` says BEGIN itself, together with whose transaction it is: one round trip, not two.
        kwargs={"connect_timeout": 5, "autocommit": True, **_KEEPALIVE},
    )


def engine_pool(url: str, *, most: int = 4, plan_once: bool = False) -> ConnectionPool[Connection[Any]]:
    """A pool for role impasto_engine.

    With `plan_once` a prepared statement keeps its plan: to plan a claim takes longer than to run it.
    """
    rested = _Rested()
    return ConnectionPool(
        url,
        min_size=1,
        max_size=most,
        timeout=5,
        max_idle=120,
        reconnect_timeout=_RECONNECT_S,
        open=True,
        check=rested.check_now,
        reset=rested.used_now,
        kwargs={
            "connect_timeout": 5,
            **_KEEPALIVE,
            **({"options": "-c plan_cache_mode=force_generic_plan"} if plan_once else {}),
        },
    )


@contextmanager
def statement_alone(pool: ConnectionPool[Connection[Any]]) -> Iterator[Connection[Any]]:
    """A connection on which each statement is a transaction of its own: one round trip instead of three."""
    with pool.connection() as connection:
        connection.autocommit = True
        try:
            yield connection
        finally:
            if not connection.closed:
                connection.autocommit = False


_BEGIN: Final = sql.SQL("BEGIN; SET LOCAL app.tenant_id = {}")


@asynccontextmanager
async def connection_of(pool: AsyncConnectionPool[AsyncConnection[Any]]) -> AsyncIterator[AsyncConnection[Any]]:
    """A connection on which each statement is its own transaction; nobody's rows are seen.

    Raises:
        Unavailable: the database does not answer.
    """
    try:
        # Leaving it commits what was begun, or rolls it back if there was an error.
        async with pool.connection() as connection:
            yield connection
    except (OperationalError, PoolTimeout) as error:
        raise Unavailable("database_unavailable", "the database does not answer", hint="try again shortly") from error


@asynccontextmanager
async def tenant_transaction(
    pool: AsyncConnectionPool[AsyncConnection[Any]], tenant_id: str
) -> AsyncIterator[AsyncConnection[Any]]:
    """A transaction that sees and writes only this tenant's rows.

    Raises:
        Unavailable: the database does not answer.
    """
    async with connection_of(pool) as connection:
        await connection.execute(_BEGIN.format(tenant_id), prepare=False)
        yield connection
