"""The asynchronous client's tenants."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Unpack

from impasto.client import resources, tenants
from impasto.client.asynchronous_transport import AsyncTransport
from impasto.client.tenants import Limits
from impasto.quotas import TenantUsage


class AsyncTenants:
    """Every tenant, what it uses and what it may; needs a key with scope `operate`."""

    def __init__(self, transport: AsyncTransport) -> None:
        self._transport = transport

    def list(self) -> AsyncIterator[TenantUsage]:
        return self._transport.iterate(resources.pages(TenantUsage, "tenants"))

    async def get(self, tenant: str) -> TenantUsage:
        """The tenant of that id or name."""
        return await self._transport.run(resources.fetch(TenantUsage, "tenants", tenant))

    async def limit(self, tenant: str, **limits: Unpack[Limits]) -> TenantUsage:
        """Sets the limits that are named, `None` takes one away; they hold from the next request on."""
        return await self._transport.run(tenants.changing(tenant, limits))
