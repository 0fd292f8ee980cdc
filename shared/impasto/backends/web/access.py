"""Who asks: a bearer key becomes a tenant and its scopes.

No postponed annotations here: FastAPI could not resolve those that close over `scope`.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from psycopg import AsyncConnection
from starlette.datastructures import State

from impasto.backends.postgres.keys import key_for_request
from impasto.backends.postgres.pools import connection_of, tenant_transaction
from impasto.backends.web.known_keys import Found, KnownKeys
from impasto.errors import AccessDenied
from impasto.tenants import Scope, allows, parse_key, same_secret

_BEARER = HTTPBearer(auto_error=False, description="An API key: `impasto keys create`.")


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
    """
    parsed = parse_key(credentials.credentials) if credentials else None
    if parsed is not None:
        key_id, digest = parsed
        found = await _look_up(request.app.state, key_id)
        if found is not None and same_secret(found[1], digest):
            return Caller(found[0], key_id, frozenset(found[2]))
    raise AccessDenied(
        "unauthenticated", "no valid API key", hint="send `Authorization: Bearer impasto_live_...`; see `impasto keys`"
    )


async def _look_up(state: State, key_id: str) -> Found | None:
    """Raises:
    Unavailable: the database does not answer.
    """
    known: KnownKeys = state.known_keys
    if found := known.get(key_id):
        return found
    async with connection_of(state.pool) as connection, connection.transaction():
        found = await key_for_request(connection, key_id)
    if found is not None:
        known.keep(key_id, found)
    return found


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
