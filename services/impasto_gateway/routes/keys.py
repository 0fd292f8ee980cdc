"""`/v1/keys`: API keys of the tenant; scope `admin`."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated, Final

from fastapi import APIRouter, BackgroundTasks, Depends, Path, Request
from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field

from impasto.artworks import ShortText
from impasto.backends.postgres import keys
from impasto.backends.web.access import Caller, may
from impasto.backends.web.known_keys import KnownKeys
from impasto.errors import AccessDenied, NotFound
from impasto.tenants import SCOPES, ApiKeyRecord, Scope, allows, new_key
from impasto_gateway.parts import AdminTransaction, Page

router = APIRouter(prefix="/v1/keys", tags=["keys"])
_EARLIEST: Final = datetime(1970, 1, 1, tzinfo=UTC)
_LONGEST: Final = timedelta(days=36_525)


def _storable(time: datetime) -> datetime:
    if not _EARLIEST <= time <= datetime.now(UTC) + _LONGEST:
        raise ValueError("a key may expire from 1970 on, and at most 100 years from now")
    return time


Expiry = Annotated[AwareDatetime, AfterValidator(_storable)]


class KeyRequest(BaseModel):
    """A key to be made."""

    model_config = ConfigDict(extra="forbid")

    name: ShortText = Field(min_length=1, examples=["studio"])
    scopes: list[Scope] = Field(["read", "submit", "upload"], min_length=1, max_length=len(SCOPES))
    expires_at: Expiry | None = Field(None, description="A time with its zone, at most 100 years from now.")


class KeyShown(BaseModel):
    """The one time a key's text is shown."""

    key: str
    record: ApiKeyRecord


@router.post("", status_code=201, summary="Make a key", operation_id="create_key")
async def create_key(
    request: KeyRequest, caller: Annotated[Caller, Depends(may("admin"))], connection: AdminTransaction
) -> KeyShown:
    """A new key. Its text is in this answer and nowhere else. Only a key with `operate` may pass that scope on."""
    if "operate" in request.scopes and not allows(caller.scopes, "operate"):
        raise AccessDenied("scope_missing", "only a key with scope 'operate' may give it to another", limit="operate")
    key = new_key()
    record = await keys.create_key(
        connection, caller.tenant_id, key, name=request.name, scopes=request.scopes, expires_at=request.expires_at
    )
    return KeyShown(key=key.text, record=record)


@router.get("", summary="List keys", operation_id="list_keys")
async def get_keys(connection: AdminTransaction) -> Page[ApiKeyRecord]:
    """Every key of the tenant, revoked ones too; never their secrets."""
    return Page(items=await keys.list_keys(connection))


@router.delete("/{key_id}", summary="Revoke a key", operation_id="revoke_key")
async def revoke_key(
    key_id: Annotated[str, Path(pattern="^[0-9A-Za-z]{8}$")],
    connection: AdminTransaction,
    request: Request,
    after: BackgroundTasks,
) -> ApiKeyRecord:
    """Revokes a key for good: here at once, in every process of the platform within a second."""
    if (record := await keys.revoke_key(connection, key_id)) is None:
        raise NotFound("API key", key_id)
    known: KnownKeys = request.app.state.known_keys
    known.forget(key_id)
    # Once more when it is committed: a request may have looked it up meanwhile.
    after.add_task(known.forget, key_id)
    return record
