"""Who asks: a bearer key becomes a tenant and its scopes.

No postponed annotations here: FastAPI could not resolve those that close over `scope`.
"""

import math
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated, Any, Final

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from psycopg import AsyncConnection
from starlette.datastructures import State

from impasto.backends.postgres.keys import KnownKey, key_for_request
from impasto.backends.postgres.pools import connection_of, tenant_transaction
from impasto.backends.postgres.rates import take
from impasto.backends.rates import RedisRates
from impasto.backends.web.known_keys import KnownKeys
from impasto.errors import AccessDenied
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
    has_quotas: bool = False


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
        found = await _look_up(request.app.state, key_id)
        if found is not None and same_secret(found.secret_sha256, digest):
            if not getattr(request.state, "is_counted", False):
                await _count(request, key_id, found)
            return _caller(key_id, found)
    raise AccessDenied(
        "unauthenticated", "no valid API key", hint="send `Authorization: Bearer impasto_live_...`; see `impasto keys`"
    )


async def known_caller(request: Request) -> Caller | None:
    """The caller, if the key is good and was so when it was last looked up; the request is not counted yet.

    Raises:
        Unavailable: the database does not answer.
    """
    scheme, _, text = request.headers.get("authorization", "").partition(" ")
    parsed = parse_key(text) if scheme.lower() == "bearer" else None
    if parsed is None:
        return None
    # A key that nobody has used here is looked up by whoever refuses it, once.
    if not request.app.state.known_keys.was_known(parsed[0]):
        return None
    found = await _look_up(request.app.state, parsed[0])
    if found is None or not same_secret(found.secret_sha256, parsed[1]):
        return None
    request.state.known_key = (parsed[0], found)
    return _caller(parsed[0], found)


async def count_request(request: Request) -> None:
    """Counts the request of a `known_caller`, once.

    Raises:
        LimitExceeded: the key asks faster than it may.
        Unavailable: the database does not answer.
    """
    await _count(request, *request.state.known_key)
    request.state.is_counted = True


def _caller(key_id: str, found: KnownKey) -> Caller:
    return Caller(found.tenant_id, key_id, frozenset(found.scopes), found.has_quotas)


async def _look_up(state: State, key_id: str) -> KnownKey | None:
    """Raises:
    Unavailable: the database does not answer.
    """

    async def look_up(key_id: str) -> KnownKey | None:
        async with connection_of(state.pool) as connection, connection.transaction():
            return await key_for_request(connection, key_id)

    known: KnownKeys = state.known_keys
    return await known.find(key_id, look_up)


async def _count(request: Request, key_id: str, key: KnownKey) -> None:
    """Counts this request, and tells its answer what is left.

    In Redis; while that is away in the database, if the request writes.

    Raises:
        LimitExceeded: the key asks faster than it may.
        Unavailable: the database does not answer.
    """
    rates: RedisRates | None = request.app.state.rates
    if rates is None:
        return
    rate = rates.rate_of(key.requests_per_s, key.requests_burst)
    counted = None if rates.away else await rates.take(key_id, rate)
    if counted is None and rates.away and request.method not in _READING:
        async with connection_of(request.app.state.pool) as connection:
            counted = await take(connection, key.tenant_id, key_id, rate)
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


def may(scope: Scope) -> Callable[..., Awaitable[Caller]]:
    """A dependency: the caller, whose key must have this scope (`admin` has all but `operate`).

    Raises:
        AccessDenied: the key lacks the scope.
    """

    # Asynchronous like every dependency here: one that is not would cost a thread for each request.
    async def check(caller: Annotated[Caller, Depends(authenticate)]) -> Caller:
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
