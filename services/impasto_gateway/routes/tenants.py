"""`/v1/usage`: what a tenant uses and may; `/v1/tenants`: the same of all, and its limits, for operators."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, BackgroundTasks, Path, Request
from psycopg import AsyncConnection

from impasto.backends.postgres import quotas
from impasto.backends.rates import RedisRates
from impasto.backends.web.known_keys import KnownKeys
from impasto.errors import NotFound
from impasto.quotas import TenantLimits, TenantUsage
from impasto_gateway.parts import OperateTransaction, Page, ReadTransaction

router = APIRouter(prefix="/v1")
_Tenant = Annotated[str, Path(min_length=1, max_length=200, description="A tenant's id or name.")]


@router.get("/usage", tags=["keys"], summary="Look at the tenant's usage", operation_id="get_usage")
async def get_usage(request: Request, connection: ReadTransaction) -> TenantUsage:
    """What the tenant uses at this moment, and what it may; the rate of requests is that which holds for its keys."""
    usage = await quotas.own_usage(connection)
    rates: RedisRates | None = request.app.state.rates
    if rates is None:
        return usage
    rate = rates.rate_of(usage.limits.requests_per_s, usage.limits.requests_burst)
    holding = {"requests_per_s": rate.per_s, "requests_burst": rate.burst}
    return usage.model_copy(update={"limits": usage.limits.model_copy(update=holding)})


@router.get("/tenants", tags=["platform"], summary="Look at the tenants", operation_id="list_tenants")
async def get_tenants(connection: OperateTransaction) -> Page[TenantUsage]:
    """Every tenant by name, with what it uses and what it may."""
    return Page(items=await quotas.every_usage(connection))


@router.get("/tenants/{tenant}", tags=["platform"], summary="Look at a tenant", operation_id="get_tenant")
async def get_tenant(tenant: _Tenant, connection: OperateTransaction) -> TenantUsage:
    """What a tenant uses and may."""
    return await _existing(connection, tenant)


@router.patch(
    "/tenants/{tenant}/limits", tags=["platform"], summary="Change a tenant's limits", operation_id="change_limits"
)
async def change_limits(
    tenant: _Tenant, request: TenantLimits, connection: OperateTransaction, http: Request, after: BackgroundTasks
) -> TenantUsage:
    """Sets the limits that are given; `null` takes one away. They hold within a second, in this process at once."""
    found = await _existing(connection, tenant)
    await quotas.change_limits(connection, found.id, request)
    known: KnownKeys = http.app.state.known_keys
    known.forget_all()
    # Once more when it is committed: a request may have looked its key up meanwhile.
    after.add_task(known.forget_all)
    return await _existing(connection, found.id)


async def _existing(connection: AsyncConnection[Any], tenant: str) -> TenantUsage:
    if not (found := await quotas.every_usage(connection, tenant)):
        raise NotFound("tenant", tenant)
    return found[0]
