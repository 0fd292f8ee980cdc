"""Who asks: a bearer key becomes a tenant and its scopes.

No postponed annotations here: FastAPI could not resolve those that close over `scope`.
"""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from psycopg import AsyncConnection, OperationalError
from psycopg_pool import PoolTimeout

from impasto.backends.postgres.keys import key_for_request
from impasto.backends.postgres.pools import tenant_transaction
from impasto.errors import AccessDenied, Unavailable
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
        try:
            async with request.app.state.pool.connection() as connection, connection.transaction():
                found = await key_for_request(connection, key_id)
        except (OperationalError, PoolTimeout) as error:
            raise Unavailable("database_unavailable", "the database does not answer") from error
        if found is not None and same_secret(found[1], digest):
            return Caller(found[0], key_id, frozenset(found[2]))
    raise AccessDenied(
        "unauthenticated", "no valid API key", hint="send `Authorization: Bearer impasto_live_...`; see `impasto keys`"
    )


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
