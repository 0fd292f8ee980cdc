"""Who asks: a bearer key becomes a tenant and its scopes.

No postponed annotations here: FastAPI could not resolve those that close over `scope`.
"""

import math
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Annotated, Any, Final

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from psycopg import AsyncConnection, OperationalError
from psycopg_pool import PoolTimeout

from impasto.backends.postgres.keys import KnownKey, key_for_request
from impasto.backends.postgres.pools import tenant_transaction
from impasto.backends.postgres.rates import take
from impasto.backends.rates import RedisRates
from impasto.errors import AccessDenied, Unavailable
from impasto.quotas import Rate, Taken, too_fast
from impasto.tenants import Scope, allows, parse_key, same_secret

_BEARER = HTTPBearer(auto_error=False, description="An API key: `impasto keys create`.")
# What only reads passes uncounted while Redis is away.
_READING: Final = frozenset({"GET", "HEAD", "OPTIONS"})


@dataclass(frozen=True, slots=True)
class Caller:
    """The tenant on whose behalf a request comes, and what its key may do."""

    tenant_id: str
    key_id: str
    scopes: frozenset[str]


async def authenticate(
    request: Request, credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_BEARER)]
) -> Caller:
    """The caller of this request.

    Raises:
        AccessDenied: no key, or one that is malformed, unknown, expired or revoked; the answer is the same for all.
        LimitExceeded: the key asks faster than it may.
    """
    parsed = parse_key(credentials.credentials) if credentials else None
    if parsed is not None:
        key_id, digest = parsed
        try:
            async with request.app.state.pool.connection() as connection, connection.transaction():
                found = await key_for_request(connection, key_id)
                known = found is not None and same_secret(found.secret_sha256, digest)
                counted = await _count_here(request, connection, key_id, found) if found and known else None
            if found and known:
                await _count(request, key_id, found, counted)
                return Caller(found.tenant_id, key_id, frozenset(found.scopes))
        except (OperationalError, PoolTimeout) as error:
            raise Unavailable("database_unavailable", "the database does not answer") from error
    raise AccessDenied(
        "unauthenticated", "no valid API key", hint="send `Authorization: Bearer impasto_live_...`; see `impasto keys`"
    )


def _rates(request: Request) -> RedisRates | None:
    found: RedisRates | None = request.app.state.rates
    return found


async def _count_here(request: Request, connection: AsyncConnection[Any], key_id: str, key: KnownKey) -> Taken | None:
    """Counts this request in the database, if it is to be counted there: it writes, and Redis is away."""
    rates = _rates(request)
    if rates is None or not rates.away or request.method in _READING:
        return None
    rate = rates.rate_of(key.requests_per_s, key.requests_burst)
    return await take(connection, key.tenant_id, key_id, rate)


async def _count(request: Request, key_id: str, key: KnownKey, counted: Taken | None) -> None:
    """Counts this request in Redis unless it was counted, and tells its answer what is left.

    Raises:
        LimitExceeded: the key asks faster than it may.
    """
    rates = _rates(request)
    if rates is None:
        return
    rate = rates.rate_of(key.requests_per_s, key.requests_burst)
    if counted is None and (counted := await rates.take(key_id, rate)) is None and request.method not in _READING:
        # Redis has not answered this very request.
        async with request.app.state.pool.connection() as connection, connection.transaction():
            counted = await _count_here(request, connection, key_id, key)
    if counted is None:
        return
    request.state.headers = _told(rate, counted)
    if not counted.passes:
        raise too_fast(rate, counted.wait_s)


def _told(rate: Rate, counted: Taken) -> list[tuple[bytes, bytes]]:
    """The fields of draft-ietf-httpapi-ratelimit-headers: the policy, what is left, and when it is whole again."""
    window_s = max(1, round(rate.burst / rate.per_s))
    return [
        (b"ratelimit-policy", f'"key";q={rate.burst};w={window_s}'.encode()),
        (b"ratelimit", f'"key";r={counted.left};t={math.ceil(counted.full_in_s)}'.encode()),
    ]


def may(scope: Scope) -> Callable[..., Caller]:
    """A dependency: the caller, whose key must have this scope (`admin` has all but `operate`).

    Raises:
        AccessDenied: the key lacks the scope.
    """

    def check(caller: Annotated[Caller, Depends(authenticate)]) -> Caller:
        if not allows(caller.scopes, scope):
            raise AccessDenied("scope_missing", f"this call needs a key with scope {scope!r}", limit=scope)
        return caller

    return check


def transaction_for(scope: Scope) -> Callable[..., AsyncIterator[AsyncConnection[Any]]]:
    """A dependency: a transaction that sees only the caller's tenant, committed before the answer is sent."""

    async def begin(
        request: Request, caller: Annotated[Caller, Depends(may(scope))]
    ) -> AsyncIterator[AsyncConnection[Any]]:
        async with tenant_transaction(request.app.state.pool, caller.tenant_id) as connection:
            yield connection

    return begin
